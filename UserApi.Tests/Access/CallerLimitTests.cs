using System.Globalization;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>
/// The rate limit, and which requests count as those of one caller. Two clients together send 40 requests at once, and the limit allows 20
/// for each caller: all requests succeed if the clients count as two callers, and about half of them if they count as one.
/// </summary>
public class CallerLimitTests
{
    private const string ForwardedFor = "X-Forwarded-For";
    private const int Calls = 40;

    private static readonly (string, string)[] s_half =
        [("Limits:RequestsPerSecondPerCaller", "1"), ("Limits:BurstPerCaller", $"{Calls / 2}")];

    [Fact]
    public async Task Each_subject_has_a_limit_of_its_own_whatever_its_token_and_is_told_when_to_come_back()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, .. s_half]);
        using var client = api.CreateClient();
        await client.Send("GET", "/alive", HttpSteps.Bearer(issuer.Token()));

        var twoTokens = await CallAsync(caller => client.Get("x", HttpSteps.Bearer(Token("ana", caller == 0 ? Issuer.Read : Issuer.Both))));
        var twoSubjects = await CallAsync(caller => client.Get("x", HttpSteps.Bearer(Token(caller == 0 ? "bo" : "cleo"))));

        AssertOneCaller(twoTokens);
        AssertTwoCallers(twoSubjects);
        var refused = twoTokens.First(answer => (int)answer.StatusCode == 429);
        Assert.Equal(TimeSpan.FromSeconds(1), refused.Headers.RetryAfter?.Delta);
        Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.ToString());
        await client.Send("GET", "/alive", HttpSteps.Bearer(Token("ana"))).Is(HttpStatusCode.OK);

        string Token(string subject, string scope = Issuer.Read) => issuer.Token(scope, token => token.Claims["sub"] = subject);
    }

    [Theory]
    [InlineData("no proxy configured", null, 1, "203.0.113.{0}", false)]
    [InlineData("another proxy configured", "10.0.0.0/8", 1, "203.0.113.{0}", false)]
    [InlineData("from the proxy", "127.0.0.0/8", 1, "203.0.113.{0}", true)]
    [InlineData("what the client wrote before it", "127.0.0.0/8", 1, "203.0.113.{0}, 198.51.100.7", false)]
    [InlineData("through two proxies", "127.0.0.0/8 10.0.0.0/8", 2, "203.0.113.{0}, 10.0.0.9", true)]
    [InlineData("what the client wrote before two proxies", "127.0.0.0/8 10.0.0.0/8", 2, "203.0.113.{0}, 198.51.100.7, 10.0.0.9", false)]
    [InlineData("two hops, and the second is no proxy", "127.0.0.0/8 10.0.0.0/8", 2, "203.0.113.{0}, 198.51.100.7", false)]
    [InlineData("IPv6 addresses of one network", "127.0.0.0/8", 1, "2001:db8:1:2:{0}::1", false)]
    [InlineData("IPv6 addresses of two networks", "127.0.0.0/8", 1, "2001:db8:1:{0}::1", true)]
    [InlineData("IPv4 addresses mapped into IPv6", "127.0.0.0/8", 1, "::ffff:203.0.113.{0}", true)]
    [InlineData("one IPv4 address, mapped or not", "127.0.0.0/8", 1, "{0:;::ffff:}203.0.113.1", false)]
    [InlineData("no address", "127.0.0.0/8", 1, "somebody-{0}", false)]
    public async Task A_client_is_who_the_configured_proxies_say_and_nobody_else(string what, string? networks, int hops, string header, bool areTwo)
    {
        var configured = (networks ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select((network, index) => ($"ForwardedHeaders:Networks:{index}", network));
        await using var api = new ApiFactory([.. s_half, .. configured, ("ForwardedHeaders:Hops", $"{hops}")]);
        using var client = api.CreateClient();

        var answers = await CallAsync(caller => client.Get("x", (ForwardedFor, string.Format(CultureInfo.InvariantCulture, header, caller))));

        TestContext.Current.TestOutputHelper?.WriteLine(what);
        if (areTwo)
        {
            AssertTwoCallers(answers);
        }
        else
        {
            AssertOneCaller(answers);
        }
    }

    [Fact]
    public async Task A_request_counts_once_also_when_it_waits_for_its_turn()
    {
        const int Burst = 100;
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new StoreDouble(gate.Task.WaitAsync);
        await using var api = new ApiFactory(
            ("Limits:RequestsPerSecondPerCaller", "1"), ("Limits:BurstPerCaller", $"{Burst}"), ("Limits:MaxConcurrentRequests", "1"))
        {
            Configure = services => services.AddSingleton<IUserStore>(store),
        };
        using var client = api.CreateClient();

        var calls = Enumerable.Range(0, Burst).Select(_ => client.Get("x")).ToList();
        await Task.WhenAny(Task.WhenAny(calls), Task.Delay(500, TestContext.Current.CancellationToken));
        gate.SetResult();

        Assert.All(await Task.WhenAll(calls), answer => Assert.Equal(404, (int)answer.StatusCode));
    }

    [Fact]
    public async Task Without_the_setting_there_is_no_limit()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        AssertTwoCallers(await CallAsync(_ => client.Get("x")));
    }

    private static async Task<HttpResponseMessage[]> CallAsync(Func<int, Task<HttpResponseMessage>> call) =>
        await Task.WhenAll(Enumerable.Range(0, Calls).Select(number => call(number % 2)));

    private static void AssertTwoCallers(HttpResponseMessage[] answers) => Assert.Equal(Calls, Answered(answers));

    // The bucket refills by one request per second while the requests are sent.
    private static void AssertOneCaller(HttpResponseMessage[] answers) => Assert.InRange(Answered(answers), Calls / 2, Calls - 5);

    private static int Answered(HttpResponseMessage[] answers)
    {
        Assert.All(answers, answer => Assert.True((int)answer.StatusCode is 404 or 429, $"{answer.StatusCode}"));
        return answers.Count(answer => (int)answer.StatusCode == 404);
    }
}
