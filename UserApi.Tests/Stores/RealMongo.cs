using Docker.DotNet;
using DotNet.Testcontainers.Configurations;
using MongoDB.Driver;
using Testcontainers.MongoDb;
using UserApi.Tests.Infrastructure;

[assembly: AssemblyFixture(typeof(UserApi.Tests.Stores.RealMongo))]

namespace UserApi.Tests.Stores;

/// <summary>
/// The real MongoDB of a test run: the one that <c>USERAPI_TEST_MONGODB</c> names, or a container if Docker already has the image. If there
/// is neither, the tests that need it are skipped (<see cref="NeedsRealMongoAttribute"/>). Any other problem fails them.
/// </summary>
public sealed class RealMongo : IAsyncDisposable
{
    private const string Variable = "USERAPI_TEST_MONGODB";
    private const string Image = "mongo:8.2";

    private readonly Lazy<Task<string>> _start;
    private MongoDbContainer? _container;

    public RealMongo() => _start = new(StartAsync);

    /// <summary>Why there is no server and how to get one, or null if there is one.</summary>
    public static async Task<string?> FindMissingAsync()
    {
        if (Given is not null)
        {
            return null;
        }

        if (TestcontainersSettings.OS.DockerEndpointAuthConfig is not { } endpoint)
        {
            return $"{Variable} is not set, and Docker is not available.";
        }

        using var docker = endpoint.GetDockerClientBuilder(Guid.NewGuid()).Build();
        try
        {
            await docker.Images.InspectImageAsync(Image);
            return null;
        }
        catch (DockerImageNotFoundException)
        {
            return $"{Variable} is not set, and Docker has no image {Image} (docker pull {Image}).";
        }
    }

    /// <summary>The server's connection string with this database and everything else unchanged.</summary>
    public async Task<MongoUrl> GetDatabaseAsync(string name) => WithDatabase(await _start.Value, name);

    /// <summary>
    /// Replaces the database of a connection string. The user is still authenticated against the original database, unless the string or
    /// its mechanism sets another one.
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

    private static string? Given => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : null;

    private async Task<string> StartAsync()
    {
        if (Given is { } given)
        {
            return given;
        }

        _container = new MongoDbBuilder(Image).Build();
        await _container.StartAsync();
        return _container.GetConnectionString();
    }
}

/// <summary>Marks a class whose tests need a <see cref="RealMongo"/>.</summary>
public sealed class NeedsRealMongoAttribute : RequirementAttribute
{
    public override string Name => "a real MongoDB";

    public override Task<string?> FindMissingAsync() => RealMongo.FindMissingAsync();
}
