using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores.Mongo;

namespace UserApi.Bench;

/// <summary>
/// The database server of all contenders: that of <c>USERAPI_TEST_MONGODB</c>, or the test suite's MongoDB double in a separate process.
/// Every database that is created here is dropped at the end.
/// </summary>
internal sealed class Database : IAsyncDisposable
{
    private const int Batch = 1000;
    private const string Variable = "USERAPI_TEST_MONGODB";

    private readonly ChildProcess? _server;
    private readonly MongoUrl _url;
    private readonly MongoClient _client;
    private readonly List<string> _names = [];

    private Database(ChildProcess? server, string url)
    {
        (_server, _url) = (server, new(url));
        _client = new(_url);
    }

    public string Description => _server is null ? $"the server of {Variable}" : "the tests' double (UserApi.MongoWire), no MongoDB server";

    public static async Task<Database> StartAsync(Places places, CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return new(null, given);
        }

        var server = ChildProcess.StartWithOutput(new("dotnet", [places.Program("mongo-server", "MongoServer")]));
        try
        {
            return new(server, await server.Output.ReadLineAsync(cancellationToken) ?? throw server.Failure("did not start"));
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Creates a database with users in UserApi's format.</summary>
    /// <param name="users">The number of users.</param>
    /// <param name="body">The content of each.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public Task<string> SeedAsync(int users, Func<int, UserInput> body, CancellationToken cancellationToken) => SeedAsync(
        users,
        number =>
        {
            var user = User.Create(Seed.Id(number), body(number), DateTime.UnixEpoch, DateTime.UnixEpoch.AddMilliseconds(number), $"{number:x32}");
            return new BsonDocument { { "_id", user.Id }, { "createdAt", user.CreatedAt } }
                .AddRange(UserBsonSerializer.Replace(user, UserBsonSerializer.Members(user)).Render(new(new UserBsonSerializer(), BsonSerializer.SerializerRegistry)).AsBsonDocument["$set"].AsBsonDocument);
        },
        cancellationToken);

    /// <summary>Creates a database with users in the peers' format: an id and a name.</summary>
    public Task<string> SeedPeersAsync(int users, CancellationToken cancellationToken) =>
        SeedAsync(users, number => new() { { "_id", Seed.Id(number) }, { "name", Seed.Name(number) } }, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        try
        {
            foreach (var name in _names)
            {
                await _client.DropDatabaseAsync(name);
            }
        }
        finally
        {
            _client.Dispose();
            _server?.Dispose();
        }
    }

    /// <returns>The URL for contenders.</returns>
    private async Task<string> SeedAsync(int users, Func<int, BsonDocument> create, CancellationToken cancellationToken)
    {
        var name = $"userapi_bench_{Environment.ProcessId}_{_names.Count}";
        _names.Add(name);
        var collection = _client.GetDatabase(name).GetCollection<BsonDocument>("users");
        foreach (var batch in Enumerable.Range(1, users).Select(create).Chunk(Batch))
        {
            await collection.InsertManyAsync(batch, cancellationToken: cancellationToken);
        }

        var builder = new MongoUrlBuilder(_url.Url) { DatabaseName = name };
        if (_url.Username is not null)
        {
            builder.AuthenticationSource ??= _url.DatabaseName ?? "admin";
        }

        return builder.ToString();
    }
}
