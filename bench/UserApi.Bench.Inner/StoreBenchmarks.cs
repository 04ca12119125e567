using System.Diagnostics.Metrics;
using BenchmarkDotNet.Attributes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using MongoDB.Bson.Serialization;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Mongo;
using UserApi.Api.Users.Stores.Sqlite;
using UserApi.MongoWire;

namespace UserApi.Bench.Inner;

/// <summary>One operation after another on a store of 10,000 users. MongoDB is the double in this process, whose work is included.</summary>
[MemoryDiagnoser]
public class StoreBenchmarks
{
    private const int Users = 10_000;

    private static readonly UserId[] s_ids = [.. Enumerable.Range(1, Users).Select(Id)];
    private static readonly Dictionary<string, string> s_attributes = new() { ["team"] = "blue" };

    private readonly List<IDisposable> _disposables = [];
    private MongoWireServer? _server;
    private string? _folder;
    private IUserStore _store = null!;
    private int _next;

    [Params("embedded", "mongodb")]
    public string Store { get; set; } = "";

    [GlobalSetup]
    public async Task SetupAsync()
    {
        _store = Store == "embedded" ? Embedded() : await MongoDbAsync();
        await _store.MakeIndexesAsync(default);
        await Parallel.ForEachAsync(s_ids, async (id, cancel) => await _store.PutAsync(id, Body(id), default, returnUser: false, cancel));
    }

    [GlobalCleanup]
    public async Task CleanupAsync()
    {
        _disposables.ForEach(disposable => disposable.Dispose());
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        if (_folder is not null)
        {
            Directory.Delete(_folder, recursive: true);
        }
    }

    [Benchmark]
    public async Task<object?> Read() => await _store.FindAsync(Next(), default);

    [Benchmark]
    public async Task<object> Write()
    {
        var id = Next();
        var body = Body(id) with { Name = $"Ana Lima {_next}" }; // the same state again would not be written
        return await _store.PutAsync(id, body, default, returnUser: false, default);
    }

    [Benchmark]
    public async Task<object> FindByEmail() => await _store.ListAsync(new() { Email = $"{Next()}@EXAMPLE.org" }, default);

    [Benchmark]
    public async Task<object> PageOf50() => await _store.ListAsync(new() { After = new(Next().Value) }, default);

    private static UserId Id(int number) =>
        UserId.TryParse($"user-{number:0000000}", out var id, out var error) ? id : throw new InvalidOperationException(error);

    private static UserInput Body(UserId id) => new("Ana Lima", $"{id}@example.org", s_attributes);

    private UserId Next() => s_ids[_next++ % Users];

    private SqliteUserStore Embedded()
    {
        // Beside the program: a temporary folder may be in memory, where durable writes cost nothing.
        _folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "store")).FullName;
        var store = new SqliteUserStore(
            Path.Combine(_folder, "users.db"),
            TimeSpan.FromSeconds(10),
            TimeProvider.System,
            NullLogger<SqliteUserStore>.Instance,
            onUnreadable: () => { });
        _disposables.Add(store);
        return store;
    }

    private async Task<MongoUserStore> MongoDbAsync()
    {
        BsonSerializer.TryRegisterSerializer(new UserBsonSerializer());
        _server = await MongoWireServer.StartAsync();
        var services = new ServiceCollection().AddLogging().AddMetrics().BuildServiceProvider();
        _disposables.Add(services);
        var timeout = TimeSpan.FromSeconds(10);
        var store = new MongoUserStore(
            new(_server.ConnectionString, timeout, NullLoggerFactory.Instance),
            timeout,
            TimeProvider.System,
            new(services.GetRequiredService<IMeterFactory>(), NullLogger<UnreadableUsers>.Instance),
            uniqueEmails: false,
            NullLogger<MongoUserStore>.Instance);
        _disposables.Add(store);
        return store;
    }
}
