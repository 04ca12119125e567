using Docker.DotNet;
using DotNet.Testcontainers.Configurations;
using MongoDB.Driver;
using Testcontainers.MongoDb;

[assembly: AssemblyFixture(typeof(UserApi.Tests.Stores.RealMongo))]

namespace UserApi.Tests.Stores;

/// <summary>
/// The real MongoDB of a test run: the one that <c>USERAPI_TEST_MONGODB</c> names, or a container where Docker has the image already.
/// Where there is neither, the tests that need it are skipped; every other failure is one.
/// </summary>
public sealed class RealMongo : IAsyncDisposable
{
    private const string Variable = "USERAPI_TEST_MONGODB";
    private const string Image = "mongo:8.2";

    private readonly Lazy<Task<(string? ConnectionString, string? Skip)>> _start;
    private MongoDbContainer? _container;

    public RealMongo() => _start = new(StartAsync);

    /// <summary>A database of the server, with everything else as its connection string says; skips the test when there is no server.</summary>
    public async Task<MongoUrl> GetDatabaseAsync(string name)
    {
        var (connectionString, skip) = await _start.Value;
        if (connectionString is null)
        {
            Assert.Skip(skip!);
        }

        return WithDatabase(connectionString, name);
    }

    /// <summary>
    /// Names another database. The one that was named is also where the user is known, unless the string says otherwise or its mechanism does.
    /// </summary>
    public static MongoUrl WithDatabase(string connectionString, string name) => new MongoUrlBuilder(connectionString)
    {
        DatabaseName = name,
        AuthenticationSource = MongoClientSettings.FromConnectionString(connectionString).Credential?.Source,
    }.ToMongoUrl();

    /// <summary>Drops a database that <see cref="GetDatabaseAsync"/> gave.</summary>
    public static async Task DropAsync(MongoUrl url)
    {
        using var client = new MongoClient(url);
        await client.DropDatabaseAsync(url.DatabaseName);
    }

    public async ValueTask DisposeAsync()
    {
        if (_container is not null)
        {
            await _container.DisposeAsync();
        }
    }

    private async Task<(string? ConnectionString, string? Skip)> StartAsync()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return (given, null);
        }

        if (TestcontainersSettings.OS.DockerEndpointAuthConfig is not { } endpoint)
        {
            return (null, $"No real MongoDB: {Variable} is not set, and Docker does not answer.");
        }

        using var docker = endpoint.GetDockerClientBuilder(Guid.NewGuid()).Build();
        try
        {
            await docker.Images.InspectImageAsync(Image);
        }
        catch (DockerImageNotFoundException)
        {
            return (null, $"No real MongoDB: {Variable} is not set, and Docker has no image {Image} (docker pull {Image}).");
        }

        _container = new MongoDbBuilder(Image).Build();
        await _container.StartAsync();
        return (_container.GetConnectionString(), null);
    }
}
