using System.Diagnostics;
using System.Net;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>Key rotation, and an issuer that is slow or down.</summary>
public class IssuerTests
{
    private static readonly TimeSpan s_refresh = TimeSpan.FromSeconds(1);

    [Fact]
    public async Task The_keys_are_asked_for_once()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();

        var statuses = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Status()));

        Assert.All(statuses, status => Assert.Equal(404, status));
        Assert.Equal(2, issuer.Requests); // the discovery document and the keys
    }

    [Fact]
    public async Task Tokens_of_a_new_key_get_in_without_a_restart_and_those_of_a_removed_key_do_not_any_more()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = Api(issuer);
        using var client = api.CreateClient();
        var ofFirst = issuer.Token();
        await client.Get("nobody", HttpSteps.Bearer(ofFirst)).Is(HttpStatusCode.NotFound);

        issuer.Rotate(Issuer.NewRsaKey(), keepOld: true);
        var ofSecond = issuer.Token();
        await EventuallyAsync(404, () => client.Get("nobody", HttpSteps.Bearer(ofSecond)).Status());
        await client.Get("nobody", HttpSteps.Bearer(ofFirst)).Is(HttpStatusCode.NotFound);

        // The library requests new keys at most once per RefreshInterval, so the second change takes effect later.
        issuer.Rotate(Issuer.NewEcKey(), keepOld: false);
        var ofThird = issuer.Token();
        await EventuallyAsync(404, () => client.Get("nobody", HttpSteps.Bearer(ofThird)).Status());
        await client.Get("nobody", HttpSteps.Bearer(ofFirst)).Is(HttpStatusCode.Unauthorized);
        await client.Get("nobody", HttpSteps.Bearer(ofSecond)).Is(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Tokens_of_unknown_keys_do_not_make_the_API_ask_its_issuer_each_time()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        await client.Get("nobody", HttpSteps.Bearer(issuer.Token()));

        for (var call = 0; call < 20; call++)
        {
            var forged = issuer.Token(change: token => token.SigningCredentials = s_strangers[call % s_strangers.Length]);
            await client.Get("nobody", HttpSteps.Bearer(forged)).Is(HttpStatusCode.Unauthorized);
        }

        Assert.InRange(issuer.Requests, 2, 4);
    }

    [Fact]
    public async Task Nobody_gets_in_by_the_absence_of_the_issuer_and_all_is_well_when_it_comes_up()
    {
        await using var issuer = await Issuer.StartAsync();
        await issuer.StopAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        var good = issuer.Token();

        using var refused = await client.Put("ana", HttpSteps.Ana, HttpSteps.Bearer(good));
        Assert.Equal(503, (int)refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter?.Delta);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.ToString());
        var unsigned = issuer.Token(change: token => token.SigningCredentials = null);
        await client.Put("ana", HttpSteps.Ana, HttpSteps.Bearer(unsigned)).Is(HttpStatusCode.ServiceUnavailable);
        await client.Put("ana").Is(HttpStatusCode.Unauthorized);

        foreach (var open in new[] { "/", "/alive", "/health", "/openapi.json", "/docs/index.html" })
        {
            await client.Send("GET", open, HttpSteps.Bearer(good)).Is(HttpStatusCode.OK);
        }

        await issuer.StartAgainAsync();
        await client.Get("ana", HttpSteps.Bearer(good)).Is(HttpStatusCode.NotFound);
        await client.Put("ana", HttpSteps.Ana, HttpSteps.Bearer(unsigned)).Is(HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task An_issuer_that_is_down_is_one_line_in_the_log_however_often_it_is_needed()
    {
        await using var issuer = await Issuer.StartAsync();
        await issuer.StopAsync();
        var log = new LogCollector();
        await using var api = new ApiFactory(issuer.Settings) { Configure = services => services.AddSingleton<ILoggerProvider>(log) };
        using var client = api.CreateClient();

        for (var call = 0; call < 20; call++)
        {
            await client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Is(HttpStatusCode.ServiceUnavailable);
        }

        Assert.Single(log.Lines, line => line.StartsWith("Warning UserApi.Api.Http.Issuer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_a_caller_sends_to_trace_its_request_is_not_passed_on_to_the_issuer()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, ("Telemetry:TrustCallers", "true")]);
        using var client = api.CreateClient();
        client.DefaultRequestHeaders.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        client.DefaultRequestHeaders.Add("tracestate", "a=b");
        client.DefaultRequestHeaders.Add("baggage", "user=ana");

        await client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Is(HttpStatusCode.NotFound);

        Assert.NotEmpty(issuer.Headers);
        Assert.Empty(issuer.Headers.Intersect(["traceparent", "tracestate", "baggage", "Request-Id", "Correlation-Context"], StringComparer.OrdinalIgnoreCase));
    }

    [Fact]
    public async Task Known_keys_go_on_working_while_the_issuer_is_down_and_unknown_ones_are_refused()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = Api(issuer);
        using var client = api.CreateClient();
        var good = issuer.Token();
        await client.Get("nobody", HttpSteps.Bearer(good)).Is(HttpStatusCode.NotFound);

        await issuer.StopAsync();
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var forged = issuer.Token(change: token => token.SigningCredentials = s_strangers[0]);
            await client.Get("nobody", HttpSteps.Bearer(forged)).Is(HttpStatusCode.Unauthorized);
            await client.Get("nobody", HttpSteps.Bearer(good)).Is(HttpStatusCode.NotFound);
            await Task.Delay(s_refresh / 2, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task A_slow_issuer_costs_each_caller_no_more_than_the_request_timeout()
    {
        await using var issuer = await Issuer.StartAsync();
        issuer.Delay = TimeSpan.FromMinutes(1);
        await using var api = new ApiFactory([.. issuer.Settings, ("Limits:RequestTimeout", "00:00:00.5"), ("Store:Timeout", "00:00:00.4")]);
        using var client = api.CreateClient();
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);

        // Sequentially, the requests would take 20 s.
        var start = Stopwatch.GetTimestamp();
        var statuses = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Status()));

        Assert.All(statuses, status => Assert.Equal(503, status));
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(15));

        issuer.Delay = TimeSpan.Zero;
        await EventuallyAsync(404, () => client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Status());
    }

    [Fact]
    public async Task Nobody_but_who_needs_a_caller_waits_for_an_issuer_that_hangs()
    {
        await using var issuer = await Issuer.StartAsync();
        issuer.Delay = TimeSpan.FromMinutes(1);
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        await client.Send("GET", "/openapi.json");
        var token = issuer.Token();

        foreach (var path in new[] { "/", "/alive", "/openapi.json", "/docs/index.html", "/nothing", "/health" })
        {
            var start = Stopwatch.GetTimestamp();
            Assert.Equal(path == "/nothing" ? 404 : 200, await client.Send("GET", path, HttpSteps.Bearer(token)).Status());

            // /health waits up to 1 s for the issuer, to learn whether this caller may see the details.
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        }

        Assert.InRange(issuer.Requests, 0, 1);
    }

    private static readonly SigningCredentials[] s_strangers = [Issuer.NewRsaKey(), Issuer.NewEcKey()];

    // 1 s is the shortest RefreshInterval that the library accepts.
    private static ApiFactory Api(Issuer issuer) => new(issuer.Settings)
    {
        Configure = services => services.Configure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, jwt => jwt.RefreshInterval = s_refresh),
    };

    private static async Task EventuallyAsync(int expected, Func<Task<int>> status)
    {
        var start = Stopwatch.GetTimestamp();
        while (await status() is var actual && actual != expected)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10), $"After 10 s the status is {actual}, not {expected}.");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
