using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace UserApi.Tests.Container;

public sealed class ContainerTests(PublishedApi api) : IClassFixture<PublishedApi>
{
    // ECS, Docker and Kubernetes give a container 30 s, 10 s and 30 s to stop.
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    [Fact]
    public void The_image_listens_on_port_8000_and_its_user_is_not_root()
    {
        PublishedApi.SkipTestWhereItCannotRun();

        Assert.Equal("8000", api.EnvironmentVariables["ASPNETCORE_HTTP_PORTS"]);
        Assert.Equal(["8000"], api.Ports);
        Assert.Equal("1654", api.User);
    }

    [Fact]
    public async Task It_runs_without_a_place_to_write_to_is_probed_and_stops_when_told()
    {
        PublishedApi.SkipTestWhereItCannotRun();
        var address = $"http://127.0.0.1:{GetFreePort()}";

        // On loopback; there is no database at the address, and the start does not wait for one.
        using var server = api.Start(
            [],
            ("ASPNETCORE_URLS", address),
            ("ConnectionStrings__users", "mongodb://127.0.0.1:1/users"),
            ("Authentication__AllowAnonymous", "true"));
        try
        {
            Assert.Equal(HttpStatusCode.OK, await GetAsync($"{address}/alive", server));
            Assert.Equal(0, await ProbeAsync($"{address}/alive"));
            Assert.Equal(1, await ProbeAsync($"{address}/health"));

            await TerminateAsync(server);
            Assert.Equal(0, server.ExitCode);
            Assert.Equal(1, await ProbeAsync($"{address}/alive"));
        }
        finally
        {
            server.Kill();
        }
    }

    [Theory]
    [InlineData("--probe")]
    [InlineData("--probe", "alive")]
    [InlineData("--probe", "http://127.0.0.1:1/alive", "http://127.0.0.1:1/alive")]
    public async Task A_probe_of_anything_but_one_URL_fails(params string[] args)
    {
        PublishedApi.SkipTestWhereItCannotRun();

        Assert.Equal(1, await RunAsync(args));
    }

    private Task<int> ProbeAsync(string url) => RunAsync(["--probe", url]);

    private async Task<int> RunAsync(string[] args)
    {
        using var process = api.Start(args);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return process.ExitCode;
    }

    private static async Task<HttpStatusCode> GetAsync(string url, Process server)
    {
        using var client = new HttpClient();
        while (true)
        {
            Assert.False(server.HasExited, "The API has ended.");
            try
            {
                using var response = await client.GetAsync(url, TestContext.Current.CancellationToken);
                return response.StatusCode;
            }
            catch (HttpRequestException)
            {
                await Task.Delay(20, TestContext.Current.CancellationToken); // not started yet
            }
        }
    }

    private static async Task TerminateAsync(Process process)
    {
        using var kill = Process.Start("sh", ["-c", string.Create(CultureInfo.InvariantCulture, $"kill -TERM {process.Id}")]);
        using var grace = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        grace.CancelAfter(s_grace);
        await process.WaitForExitAsync(grace.Token);
    }

    private static int GetFreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
