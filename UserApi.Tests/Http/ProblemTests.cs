using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class ProblemTests
{
    private static readonly StoreDouble s_broken = new(_ => throw new InvalidOperationException("secret at /var/lib/users.db"));
    private static readonly StoreDouble s_unreachable = new(_ => throw new StoreUnavailableException(false, new IOException("secret")));
    private static readonly StoreDouble s_uncertain = new(_ => throw new StoreUnavailableException(true, new TimeoutException("secret")));

    [Theory]
    [InlineData("GET", "/nowhere", null, 404, "Not Found")]
    [InlineData("GET", "/users/ana/more", null, 404, "Not Found")]
    [InlineData("GET", "/users/none", null, 404, "User not found")]
    [InlineData("POST", "/users/ana", null, 405, "Method Not Allowed")]
    [InlineData("PUT", "/users/ana", "{", 400, "Bad Request")]
    [InlineData("PUT", "/users/ana", "{}", 422, "Unprocessable Entity")]
    [InlineData("GET", "/users/$where", null, 422, "Unprocessable Entity")]
    [InlineData("GET", "/users?limit=x", null, 422, "Unprocessable Entity")]
    [InlineData("PATCH", "/users/ana", "{}", 415, "Unsupported Media Type")]
    public async Task An_error_is_a_problem_whatever_the_client_accepts(string method, string target, string? body, int status, string title)
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        foreach (var accept in (string[])["*/*", "text/html", "application/xml;q=1, application/json;q=0", "nonsense"])
        {
            var content = body is null ? null : HttpSteps.Body(body);
            var problem = await client.Send(method, target, content, ("Accept", accept)).IsProblem((HttpStatusCode)status);

            Assert.Equal(title, problem.GetProperty("title").GetString());
        }
    }

    [Fact]
    public async Task A_problem_names_the_trace_that_the_client_began()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var problem = await client.Get("ana", ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))
            .IsProblem(HttpStatusCode.NotFound);

        Assert.Equal("0af7651916cd43dd8448eb211c80319c", problem.GetProperty("traceId").GetString());
    }

    [Fact]
    public async Task Only_the_absence_of_a_user_has_the_error_of_simple_user_api()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var nowhere = await client.Send("GET", "/nowhere").IsProblem(HttpStatusCode.NotFound);
        var nobody = await client.Get("nobody").IsProblem(HttpStatusCode.NotFound);

        Assert.False(nowhere.TryGetProperty("error", out _));
        Assert.Equal("User not found", nobody.GetProperty("error").GetString());
        Assert.Equal(
            ("about:blank", "/problems/user-not-found"),
            (nowhere.GetProperty("type").GetString(), nobody.GetProperty("type").GetString()));
    }

    [Fact]
    public async Task What_ASP_NET_Core_refuses_before_the_pipeline_has_a_body_too()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var host = await client.Get("ana", ("Host", "rebind.example")).IsProblem(HttpStatusCode.BadRequest);
        var chunk = await client.SendRaw(
            "PUT /users/ana HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n");

        Assert.Contains("AllowedHosts", host.GetProperty("detail").GetString());
        Assert.StartsWith("HTTP/1.1 400 ", chunk);
        Assert.Contains("RFC 9112", chunk);
    }

    // Kestrel refuses these before the application sees a request: HttpProtocol.ProcessRequestsAsync calls SetBadRequestState, then
    // ProduceEnd with Content-Length 0. If this test fails, Kestrel lets the application respond, and docs/api.md is out of date.
    [Theory]
    [InlineData("GET /users HTTP/1.1\r\nBad Header: x\r\nHost: localhost\r\n\r\n", 400)]
    [InlineData("GET /users HTTP/1.1\r\n\r\n", 400)]
    [InlineData("PUT /users/ana HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", 400)]
    [InlineData("PUT /users/ana HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 400)]
    [InlineData("GET /users/{long} HTTP/1.1\r\nHost: localhost\r\n\r\n", 414)]
    [InlineData("GET /users HTTP/1.1\r\nHost: localhost\r\nLong: {long}\r\n\r\n", 431)]
    [InlineData("GET /users HTTP/9.9\r\nHost: localhost\r\n\r\n", 505)]
    [InlineData("GET /users HTTP/1.1\r\nHost: localhost\r\n", 408)]
    public async Task What_Kestrel_refuses_by_itself_has_no_body(string request, int status)
    {
        await using var api = new ApiFactory(("Limits:RequestTimeout", "00:00:02"));
        using var client = api.CreateClient();

        var answer = await client.SendRaw(request.Replace("{long}", new string('x', 40_000), StringComparison.Ordinal));

        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
        Assert.Contains("\r\nContent-Length: 0\r\n", answer);
        Assert.EndsWith("\r\n\r\n", answer);
    }

    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task A_failure_says_nothing_of_its_cause(string environment)
    {
        await foreach (var (problem, text) in AskAsync(s_broken, HttpStatusCode.InternalServerError, environment))
        {
            Assert.Equal(["status", "title", "traceId", "type"], problem.Members());
            AssertNoInternals(text);
        }
    }

    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task A_store_that_cannot_be_reached_is_worth_another_attempt(string environment)
    {
        await foreach (var (_, text) in AskAsync(s_unreachable, HttpStatusCode.ServiceUnavailable, environment))
        {
            Assert.Matches("(?m)^Retry-After: [1-9][0-9]*", text);
            Assert.DoesNotContain("may have been applied", text);
            AssertNoInternals(text);
        }
    }

    [Fact]
    public async Task A_write_that_may_have_been_applied_is_told_from_one_that_was_not()
    {
        await using var api = new ApiFactory { Configure = services => services.AddSingleton<IUserStore>(s_uncertain) };
        using var client = api.CreateClient();

        var problem = await client.Put("ana").IsProblem(HttpStatusCode.ServiceUnavailable);

        Assert.Contains("may have been applied", problem.GetProperty("detail").GetString());
    }

    private static async IAsyncEnumerable<(JsonElement Problem, string Text)> AskAsync(
        StoreDouble store, HttpStatusCode status, string environment)
    {
        await using var api = new ApiFactory(("environment", environment), ("Store:Kind", "Embedded"), ("Authentication:AllowAnonymous", "true"))
        {
            Configure = services => services.AddSingleton<IUserStore>(store),
        };
        using var client = api.CreateClient();
        foreach (var answer in (Task<HttpResponseMessage>[])
            [client.Get("ana"), client.Put("ana"), client.Patch("ana", "{}"), client.Delete("ana"), client.Send("GET", "/users")])
        {
            var response = await answer;
            yield return (await Task.FromResult(response).IsProblem(status), $"{response.Headers}\n{await response.Text()}");
        }
    }

    private static void AssertNoInternals(string text)
    {
        foreach (var hint in (string[])["Exception", "System.", "UserApi.", "   at ", ".cs", "secret", "/var/lib"])
        {
            Assert.DoesNotContain(hint, text, StringComparison.OrdinalIgnoreCase);
        }
    }
}
