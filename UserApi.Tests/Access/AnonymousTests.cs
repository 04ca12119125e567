using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>Requests without a token, when anonymous access is allowed.</summary>
public class AnonymousTests
{
    private const string Line = "Callers without a token may do everything";

    private static readonly (string, string)[] s_localKey =
    [
        ("Authentication:Schemes:Bearer:SigningKeys:0:Issuer", "dotnet-user-jwts"),
        ("Authentication:Schemes:Bearer:SigningKeys:0:Value", "DeeUILVoHgQws1EYa5eSjff4LXnZKY9GPImCa9mnQng="),
    ];

    [Fact]
    public async Task In_Development_anonymous_callers_may_do_everything_and_a_line_says_so()
    {
        var log = new LogCollector();
        await using var api = new ApiFactory { Configure = services => services.AddSingleton<ILoggerProvider>(log) };
        using var client = api.CreateClient();

        await AssertMayDoEverythingAsync(client);
        Assert.Contains("checks", await client.GetStringAsync("/health", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Single(log.Lines, line => line.Contains(Line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task In_Development_with_a_local_key_a_caller_who_brings_a_bad_token_is_told_so()
    {
        await using var api = new ApiFactory(s_localKey);
        using var client = api.CreateClient();

        await AssertMayDoEverythingAsync(client);
        Assert.StartsWith("401 Bearer error=\"invalid_token\"", await client.Get("nobody", ("Authorization", "Bearer nonsense")).Verdict(), StringComparison.Ordinal);
        Assert.StartsWith("401 Bearer", await client.Get("nobody", ("Authorization", "Basic YTpi")).Verdict(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task In_Production_anonymous_callers_may_do_everything_where_that_is_written_down()
    {
        var log = new LogCollector();
        await using var api = new ApiFactory(("Authentication:AllowAnonymous", "true"), ("Store:Kind", "Embedded"))
        {
            Environment = Environments.Production,
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = api.CreateClient();

        await AssertMayDoEverythingAsync(client);
        Assert.Single(log.Lines, line => line.Contains(Line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task With_an_issuer_no_line_says_that_anonymous_callers_get_in()
    {
        var log = new LogCollector();
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings.Skip(1), ("Store:Kind", "Embedded")])
        {
            Environment = Environments.Production,
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = api.CreateClient();

        Assert.Equal("401 Bearer", await client.Get("nobody").Verdict());
        Assert.DoesNotContain(log.Lines, line => line.Contains(Line, StringComparison.Ordinal));
    }

    private static async Task AssertMayDoEverythingAsync(HttpClient client)
    {
        await client.Put("ana").Is(HttpStatusCode.Created);
        await client.Patch("ana", HttpSteps.Ana).Is(HttpStatusCode.OK);
        await client.Get("ana").Is(HttpStatusCode.OK);
        await client.Send("GET", "/users").Is(HttpStatusCode.OK);
        await client.Delete("ana").Is(HttpStatusCode.NoContent);
    }
}
