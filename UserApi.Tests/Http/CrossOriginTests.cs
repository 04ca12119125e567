using System.Net;
using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class CrossOriginTests
{
    private const string App = "https://app.example.org";

    [Fact]
    public async Task A_browser_is_told_what_an_allowed_origin_may_do_without_a_token()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, ("Cors:AllowedOrigins:0", App), ("Limits:RequestsPerSecondPerCaller", "1"), ("Limits:BurstPerCaller", "1")]);
        using var client = api.CreateClient();

        for (var i = 0; i < 5; i++) // preflights must not count against the rate limit either
        {
            using var preflight = await client.Send(
                "OPTIONS", "/users/ana", ("Origin", App), ("Access-Control-Request-Method", "PATCH"), ("Access-Control-Request-Headers", "authorization,if-match"));

            Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
            Assert.Equal([App], preflight.Headers.GetValues("Access-Control-Allow-Origin"));
            Assert.Contains("PATCH", preflight.Headers.GetValues("Access-Control-Allow-Methods").Single());
            Assert.Contains("If-Match", preflight.Headers.GetValues("Access-Control-Allow-Headers").Single());
            Assert.False(preflight.Headers.Contains("Access-Control-Allow-Credentials"));
        }

        using var refused = await client.Send("GET", "/users/ana", ("Origin", App));
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Equal([App], refused.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Equal("ETag,Location,Link,Retry-After,Preference-Applied", refused.Headers.GetValues("Access-Control-Expose-Headers").Single());
    }

    [Theory]
    [InlineData("https://evil.example.org", App)]
    [InlineData(App, null)]
    public async Task Another_origin_is_told_nothing(string origin, string? allowed)
    {
        await using var api = new ApiFactory(allowed is null ? [] : [("Cors:AllowedOrigins:0", allowed)]);
        using var client = api.CreateClient();

        using var response = await client.Send("GET", "/users", ("Origin", origin));

        Assert.DoesNotContain(response.Headers, header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    [Theory]
    [InlineData("app.example.org", "false")]
    [InlineData("https://app.example.org/", "false")]
    [InlineData("https://app.example.org/path", "false")]
    [InlineData("*", "true")]
    public async Task Origins_that_cannot_work_or_let_anybody_act_for_a_user_stop_the_start(string origin, string credentials)
    {
        var (exitCode, _, errors) = await ApiProcess.RunAsync("Development", ("Cors__AllowedOrigins__0", origin), ("Cors__AllowCredentials", credentials));

        Assert.Equal(1, exitCode);
        Assert.Contains("Cors:Allow", errors);
        Assert.DoesNotContain("   at ", errors);
    }
}
