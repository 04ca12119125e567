using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>A store with its own MongoDB double, which keeps the received commands.</summary>
public abstract class MongoStoreTest : IAsyncLifetime
{
    private readonly List<StoreHost> _hosts = [];

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected MongoWireServer Server { get; private set; } = null!;

    protected virtual MongoWireServerOptions ServerOptions => new() { RecordedCommands = 1000 };

    protected IEnumerable<BsonDocument> Commands(params string[] names) =>
        Server.RecentCommands.Where(command => names.Contains(command.GetElement(0).Name));

    public async ValueTask InitializeAsync() => Server = await MongoWireServer.StartAsync(ServerOptions);

    public ValueTask DisposeAsync()
    {
        _hosts.ForEach(host => host.Dispose());
        GC.SuppressFinalize(this);
        return Server.DisposeAsync();
    }

    private protected static UserId Id(string text) =>
        UserId.TryParse(text, out var id, out var error) ? id : throw new InvalidOperationException(error);

    /// <summary>A document in the store's format.</summary>
    protected static BsonDocument Document(string id, string name = "Other", string version = "v") => new()
    {
        { "_id", id }, { "name", name }, { "createdAt", DateTime.UnixEpoch }, { "updatedAt", DateTime.UnixEpoch }, { "version", version },
    };

    /// <summary>Changes the collection as an operator would; creates it first if <paramref name="isNew"/>.</summary>
    protected async Task AsOperatorAsync(Func<IMongoCollection<BsonDocument>, Task> change, Collation? collation = null, bool isNew = true)
    {
        var client = new MongoClient(Server.ConnectionString);
        var database = client.GetDatabase("users");
        if (isNew)
        {
            await database.CreateCollectionAsync("users", new() { Collation = collation }, Cancel);
        }

        await change(database.GetCollection<BsonDocument>("users"));
        ClusterRegistry.Instance.UnregisterAndDisposeCluster(client.Cluster);
    }

    private protected IUserStore Store(string options = "", params (string Key, string Value)[] settings)
    {
        var host = new StoreHost(TimeProvider.System, [("ConnectionStrings:users", Server.ConnectionString + options), .. settings]);
        _hosts.Add(host);
        return host.Store;
    }
}
