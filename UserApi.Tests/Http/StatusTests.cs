using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class StatusTests
{
    private static readonly StoreDouble s_down = new(Down, Down);
    private static readonly StoreDouble s_silent = new(Forever, Forever);

    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task A_process_with_a_store_is_well(string environment)
    {
        await using var api = new ApiFactory(("environment", environment), ("Store:Kind", "Embedded"));
        using var client = api.CreateClient();

        Assert.Equal("""{"status":"ok"}""", await (await client.Send("GET", "/").Is(HttpStatusCode.OK)).Text());
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
        var health = await (await client.Send("GET", "/health").Is(HttpStatusCode.OK)).Read();
        Assert.Equal("Healthy", health.GetProperty("status").GetString());
        Assert.Equal("Healthy", health.GetProperty("checks").GetProperty("store").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_process_without_its_store_is_alive_but_not_well(bool isSilent)
    {
        await using var api = new ApiFactory(("Limits:RequestTimeout", "00:00:01.5"))
        {
            Configure = services => services.AddSingleton<IUserStore>(isSilent ? s_silent : s_down),
        };
        using var client = api.CreateClient();
        var clock = Stopwatch.StartNew();

        var alive = client.Send("GET", "/alive");
        var health = client.Send("GET", "/health");
        var status = client.Send("GET", "/");

        Assert.Equal("application/json", (await alive.Is(HttpStatusCode.OK)).Content.Headers.ContentType?.MediaType);
        var checks = await (await health.Is(HttpStatusCode.ServiceUnavailable)).Read();
        Assert.Equal("Unhealthy", checks.GetProperty("status").GetString());
        Assert.Equal("Unhealthy", checks.GetProperty("checks").GetProperty("store").GetProperty("status").GetString());
        Assert.Equal("Healthy", checks.GetProperty("checks").GetProperty("self").GetProperty("status").GetString());
        Assert.DoesNotContain("Exception", checks.ToString());
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        await status.IsProblem(HttpStatusCode.ServiceUnavailable);
        Assert.NotNull((await status).Headers.RetryAfter);
    }

    private static Task Down(CancellationToken cancellationToken) => throw new StoreUnavailableException(mayHaveBeenApplied: false);

    private static Task Forever(CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);
}
