using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.MongoWire;

namespace UserApi.Tests;

/// <summary>A test of the MongoDB double, with its own server.</summary>
public abstract class MongoWireTest : IAsyncLifetime
{
    private readonly List<MongoClient> _clients = [];

    protected static UpdateDefinitionBuilder<BsonDocument> Updates => Builders<BsonDocument>.Update;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    protected MongoWireServer Server { get; private set; } = null!;

    protected IMongoCollection<BsonDocument> Users => Connect();

    public async ValueTask InitializeAsync() => Server = await MongoWireServer.StartAsync(new() { RecordedCommands = 100 });

    public async ValueTask DisposeAsync()
    {
        CloseClients();
        await Server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected static FilterDefinition<BsonDocument> ById(string id) => Builders<BsonDocument>.Filter.Eq("_id", id);

    protected static BsonDocument Times(int count) => new("times", count);

    protected static async Task Eventually(Func<bool> condition)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); await Task.Delay(20, Cancellation))
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), "It did not happen within 5 s.");
        }
    }

    protected IMongoCollection<BsonDocument> Connect(params string[] options) => Connect(Server, options);

    protected IMongoCollection<BsonDocument> Connect(MongoWireServer server, params string[] options)
    {
        var client = new MongoClient(string.Join('&', [server.ConnectionString, .. options]));
        _clients.Add(client);

        return client.GetDatabase("users").GetCollection<BsonDocument>("users");
    }

    // Disposing a client closes no connection: clients with equal settings share a cluster, which stays in the driver's registry.
    protected void CloseClients() => _clients.ForEach(client => ClusterRegistry.Instance.UnregisterAndDisposeCluster(client.Cluster));

    protected void FailCommand(BsonValue mode, string data) =>
        Server.ConfigureFailPoint("failCommand", mode, BsonDocument.Parse($"{{ {data} }}"));
}
