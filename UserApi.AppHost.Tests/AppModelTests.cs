using System.Reflection;

namespace UserApi.AppHost.Tests;

public sealed class AppModelTests
{
    [Fact]
    public async Task The_database_is_a_pinned_MongoDB_with_a_password_and_a_volume()
    {
        await using var builder = await AppModel.CreateAsync();

        var mongo = Assert.Single(builder.Resources.OfType<MongoDBServerResource>());
        var image = Assert.Single(mongo.Annotations.OfType<ContainerImageAnnotation>());
        var mount = Assert.Single(mongo.Annotations.OfType<ContainerMountAnnotation>());

        Assert.Equal("8.2", image.Tag);
        Assert.Equal(("/data/db", ContainerMountType.Volume), (mount.Target, mount.Type));
        Assert.True(mongo.PasswordParameter?.Secret);
    }

    [Fact]
    public void A_generated_password_has_user_secrets_to_be_kept_in()
    {
        var appHost = typeof(Projects.UserApi_AppHost).Assembly;

        Assert.NotNull(appHost.GetCustomAttribute<UserSecretsIdAttribute>());
    }

    [Fact]
    public async Task The_API_is_given_the_database_and_waits_for_it()
    {
        await using var builder = await AppModel.CreateAsync();

        var users = Assert.Single(builder.Resources.OfType<MongoDBDatabaseResource>());
        var environment = await GetEnvironmentAsync(Api(builder));
        var connectionString = users.ConnectionStringExpression.ValueExpression;

        Assert.Equal("{users.connectionString}", environment["ConnectionStrings__users"]);
        Assert.StartsWith("mongodb://admin:{mongo-password.value", connectionString);
        Assert.Contains("/users?authSource=admin", connectionString);
        Assert.Contains(
            Api(builder).Annotations.OfType<WaitAnnotation>(),
            wait => wait.Resource == users && wait.WaitType == WaitType.WaitUntilHealthy);
    }

    [Fact]
    public async Task The_API_listens_on_port_8000_and_its_health_is_that_of_the_resource()
    {
        await using var builder = await AppModel.CreateAsync();

        var endpoint = Assert.Single(Api(builder).Annotations.OfType<EndpointAnnotation>());
        var health = Assert.Single(Api(builder).Annotations.OfType<HealthCheckAnnotation>());

        Assert.Equal(("http", 8000), (endpoint.Name, endpoint.Port));
        Assert.Contains("/health", health.Key);
    }

    [Fact]
    public async Task The_link_of_the_API_in_the_dashboard_leads_to_its_docs()
    {
        await using var builder = await AppModel.CreateAsync();
        var api = Api(builder);
        var urls = new ResourceUrlsCallbackContext(
            builder.ExecutionContext,
            api,
            [new() { Url = "http://localhost:8000", Endpoint = api.GetEndpoint("http") }],
            TestContext.Current.CancellationToken);

        foreach (var callback in api.Annotations.OfType<ResourceUrlsCallbackAnnotation>())
        {
            await callback.Callback(urls);
        }

        Assert.Equal("/docs", Assert.Single(urls.Urls).Url);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task There_are_as_many_replicas_as_configured(int replicas)
    {
        await using var builder = await AppModel.CreateAsync($"--replicas={replicas}");

        Assert.Equal(replicas, Api(builder).GetReplicaCount());
    }

    [Fact]
    public async Task Mongo_express_starts_on_request_only()
    {
        await using var builder = await AppModel.CreateAsync();

        var express = Assert.Single(builder.Resources.OfType<MongoExpressContainerResource>());

        Assert.Single(express.Annotations.OfType<ExplicitStartupAnnotation>());
    }

    [Fact]
    public async Task A_connection_string_takes_the_place_of_the_container()
    {
        const string Server = "mongodb://db.example:27017/users";
        await using var builder = await AppModel.CreateAsync($"--ConnectionStrings:users={Server}");

        var users = Assert.Single(builder.Resources.OfType<IResourceWithConnectionString>());
        var environment = await GetEnvironmentAsync(Api(builder));

        Assert.Equal(Server, await users.GetConnectionStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal("{users.connectionString}", environment["ConnectionStrings__users"]);
        Assert.Empty(builder.Resources.OfType<ContainerResource>());
    }

    [Fact]
    public async Task The_embedded_store_needs_no_container_and_no_connection_string()
    {
        await using var builder = await AppModel.CreateAsync("--store=embedded");

        var environment = await GetEnvironmentAsync(Api(builder));

        Assert.Equal("Embedded", environment["Store__Kind"]);
        Assert.DoesNotContain("ConnectionStrings__users", environment.Keys);
        Assert.Empty(builder.Resources.OfType<ContainerResource>());
    }

    [Fact]
    public async Task A_store_that_does_not_exist_is_refused()
    {
        var refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => AppModel.CreateAsync("--store=sqlite"));

        Assert.Contains("exited without building", refusal.Message);
    }

    private static ProjectResource Api(IDistributedApplicationTestingBuilder builder) =>
        Assert.Single(builder.Resources.OfType<ProjectResource>(), resource => resource.Name == "api");

    /// <summary>The environment of the process with unresolved references, as in a manifest, so that nothing need run.</summary>
    private static async Task<Dictionary<string, string>> GetEnvironmentAsync(IResource resource)
    {
        var configuration = await ExecutionConfigurationBuilder.Create(resource)
            .WithEnvironmentVariablesConfig()
            .BuildAsync(new(DistributedApplicationOperation.Publish), NullLogger.Instance, TestContext.Current.CancellationToken);
        return configuration.EnvironmentVariables.ToDictionary();
    }
}
