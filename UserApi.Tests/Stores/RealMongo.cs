using Docker.DotNet;
using DotNet.Testcontainers.Configurations;
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

    /// <summary>Where the server is; skips the test when there is none.</summary>
    public async Task<string> GetConnectionStringAsync()
    {
        var (connectionString, skip) = await _start.Value;
        if (connectionString is null)
        {
            Assert.Skip(skip!);
        }

        return connectionString;
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
