using MongoDB.Driver;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>The contract on the embedded store.</summary>
public sealed class SqliteContractTests : UserStoreContract
{
    private readonly TemporaryFolder _folder = new();

    protected override ValueTask<(string Key, string Value)[]> CreateDatabaseAsync() => new([("Store:Path", _folder.File("users.db"))]);

    protected override ValueTask DropDatabaseAsync()
    {
        _folder.Dispose();
        return default;
    }
}

/// <summary>The contract on the MongoDB double (UserApi.MongoWire).</summary>
public sealed class MongoWireContractTests : UserStoreContract
{
    private MongoWireServer? _server;

    protected override async ValueTask<(string Key, string Value)[]> CreateDatabaseAsync()
    {
        _server = await MongoWireServer.StartAsync();
        return [("ConnectionStrings:users", _server.ConnectionString)];
    }

    protected override ValueTask DropDatabaseAsync() => _server!.DisposeAsync();
}

/// <summary>The contract on a server that refuses retryable writes, like Amazon DocumentDB, with <c>retryWrites=false</c>.</summary>
public sealed class MongoWithoutRetryableWritesContractTests : UserStoreContract
{
    private MongoWireServer? _server;

    protected override async ValueTask<(string Key, string Value)[]> CreateDatabaseAsync()
    {
        _server = await MongoWireServer.StartAsync(new() { RetryableWritesError = 301 });
        return [("ConnectionStrings:users", _server.ConnectionString + "&retryWrites=false")];
    }

    protected override ValueTask DropDatabaseAsync() => _server!.DisposeAsync();
}

/// <summary>The contract on a real MongoDB, if there is one.</summary>
[NeedsRealMongo]
public sealed class RealMongoContractTests(RealMongo mongo) : UserStoreContract
{
    private MongoUrl? _url;

    protected override async ValueTask<(string Key, string Value)[]> CreateDatabaseAsync()
    {
        _url = await mongo.GetDatabaseAsync($"userapi-test-{Guid.NewGuid():N}");
        return [("ConnectionStrings:users", _url.ToString())];
    }

    protected override async ValueTask DropDatabaseAsync()
    {
        if (_url is not null)
        {
            await RealMongo.DropAsync(_url);
        }
    }
}
