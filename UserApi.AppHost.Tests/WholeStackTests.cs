using System.Net;
using System.Net.Http.Json;

namespace UserApi.AppHost.Tests;

/// <summary>The API and MongoDB as `dotnet run --project UserApi.AppHost` starts them, but on ports and a volume of the test's own.</summary>
public sealed class WholeStackTests : IDisposable
{
    // The first run pulls the image.
    private const int Timeout = 10 * 60 * 1000;

    private readonly string _volume = $"userapi-test-{Guid.NewGuid():N}";

    public WholeStackTests() => ContainerRuntime.SkipTestWithoutOne();

    public void Dispose() => ContainerRuntime.RemoveVolume(_volume);

    [Fact(Timeout = Timeout)]
    public async Task Users_survive_a_stop_and_a_start_of_the_database()
    {
        await using var app = await StartAsync();
        using var client = CreateClient(app);

        var put = await PutAsync(client, "ana");
        await CommandAsync(app, KnownResourceCommands.StopCommand);
        await GetUntilAsync(client, "ana", HttpStatusCode.ServiceUnavailable);
        await CommandAsync(app, KnownResourceCommands.StartCommand);
        await GetUntilAsync(client, "ana", HttpStatusCode.OK);
        var putAfter = await PutAsync(client, "bo");

        Assert.Equal(HttpStatusCode.Created, put);
        Assert.Equal(HttpStatusCode.Created, putAfter);
    }

    [Fact(Timeout = Timeout)]
    public async Task Users_survive_a_restart_of_everything()
    {
        await using (var first = await StartAsync())
        {
            using var client = CreateClient(first);
            Assert.Equal(HttpStatusCode.Created, await PutAsync(client, "ana"));
        }

        await using var second = await StartAsync();
        using var clientAfter = CreateClient(second);

        Assert.Equal(HttpStatusCode.OK, await GetAsync(clientAfter, "ana"));
    }

    private async Task<DistributedApplication> StartAsync()
    {
        var builder = await AppModel.CreateAsync();
        var mongo = builder.Resources.OfType<MongoDBServerResource>().Single();
        var mount = mongo.Annotations.OfType<ContainerMountAnnotation>().Single();
        mongo.Annotations.Remove(mount);
        mongo.Annotations.Add(new ContainerMountAnnotation(_volume, mount.Target, mount.Type, mount.IsReadOnly));

        var app = await builder.BuildAsync(TestContext.Current.CancellationToken);
        await app.StartAsync(TestContext.Current.CancellationToken);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("api", TestContext.Current.CancellationToken);
        return app;
    }

    // Not app.CreateHttpClient: that one retries, and would hide what the API answers.
    private static HttpClient CreateClient(DistributedApplication app) => new() { BaseAddress = app.GetEndpoint("api", "http") };

    private static async Task CommandAsync(DistributedApplication app, string command)
    {
        var result = await app.ResourceCommands.ExecuteCommandAsync("mongo", command, TestContext.Current.CancellationToken);
        Assert.True(result.Success, result.Message);
    }

    private static async Task<HttpStatusCode> PutAsync(HttpClient client, string id)
    {
        using var response = await client.PutAsJsonAsync($"/users/{id}", new { name = id }, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    private static async Task<HttpStatusCode> GetAsync(HttpClient client, string id)
    {
        using var response = await client.GetAsync($"/users/{id}", TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    private static async Task GetUntilAsync(HttpClient client, string id, HttpStatusCode expected)
    {
        while (await GetAsync(client, id) != expected)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), TestContext.Current.CancellationToken);
        }
    }
}
