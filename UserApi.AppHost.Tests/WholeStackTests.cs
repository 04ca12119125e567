using System.Net;
using System.Net.Http.Json;

namespace UserApi.AppHost.Tests;

/// <summary>The API and MongoDB as `dotnet run --project UserApi.AppHost` starts them, but with the test's own ports and volume.</summary>
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
        var timeout = TestContext.Current.CancellationToken;
        await using var app = await StartAsync(timeout);
        using var client = CreateClient(app);

        var put = await PutAsync(client, "ana", timeout);
        await CommandAsync(app, KnownResourceCommands.StopCommand, timeout);
        await GetUntilAsync(client, "ana", HttpStatusCode.ServiceUnavailable, timeout);
        await CommandAsync(app, KnownResourceCommands.StartCommand, timeout);
        await GetUntilAsync(client, "ana", HttpStatusCode.OK, timeout);
        var putAfter = await PutAsync(client, "bo", timeout);

        Assert.Equal(HttpStatusCode.Created, put);
        Assert.Equal(HttpStatusCode.Created, putAfter);
    }

    [Fact(Timeout = Timeout)]
    public async Task Users_survive_a_restart_of_everything()
    {
        var timeout = TestContext.Current.CancellationToken;
        await using (var first = await StartAsync(timeout))
        {
            using var client = CreateClient(first);
            Assert.Equal(HttpStatusCode.Created, await PutAsync(client, "ana", timeout));
        }

        await using var second = await StartAsync(timeout);
        using var clientAfter = CreateClient(second);

        Assert.Equal(HttpStatusCode.OK, await GetAsync(clientAfter, "ana", timeout));
    }

    private async Task<DistributedApplication> StartAsync(CancellationToken timeout)
    {
        var builder = await AppModel.CreateAsync();
        var mongo = builder.Resources.OfType<MongoDBServerResource>().Single();
        var mount = mongo.Annotations.OfType<ContainerMountAnnotation>().Single();
        mongo.Annotations.Remove(mount);
        mongo.Annotations.Add(new ContainerMountAnnotation(_volume, mount.Target, mount.Type, mount.IsReadOnly));

        var app = await builder.BuildAsync(timeout);
        await app.StartAsync(timeout);
        await app.ResourceNotifications.WaitForResourceHealthyAsync("api", timeout);
        return app;
    }

    // Not app.CreateHttpClient: it retries, which would hide the API's responses.
    private static HttpClient CreateClient(DistributedApplication app) => new() { BaseAddress = app.GetEndpoint("api", "http") };

    private static async Task CommandAsync(DistributedApplication app, string command, CancellationToken timeout)
    {
        var result = await app.ResourceCommands.ExecuteCommandAsync("mongo", command, timeout);
        Assert.True(result.Success, result.Message);
    }

    private static async Task<HttpStatusCode> PutAsync(HttpClient client, string id, CancellationToken timeout)
    {
        using var response = await client.PutAsJsonAsync($"/users/{id}", new { name = id }, timeout);
        return response.StatusCode;
    }

    private static async Task<HttpStatusCode> GetAsync(HttpClient client, string id, CancellationToken timeout)
    {
        using var response = await client.GetAsync($"/users/{id}", timeout);
        return response.StatusCode;
    }

    private static async Task GetUntilAsync(HttpClient client, string id, HttpStatusCode expected, CancellationToken timeout)
    {
        while (await GetAsync(client, id, timeout) != expected)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(250), timeout);
        }
    }
}
