using System.Net;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class ResponseHeaderTests
{
    private static readonly (string, string)[] s_noHeaders = [];

    [Fact]
    public async Task Every_response_about_users_is_private_and_asked_for_again_and_no_response_is_taken_for_another_type()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, ("Limits:MaxBodyBytes", "100")]);
        using var client = api.CreateClient();
        (string, string)[] token = [("Authorization", $"Bearer {issuer.Token()}")];
        (string, string)[] reader = [("Authorization", $"Bearer {issuer.Token(Issuer.Read)}")];

        await Is(201, "PUT", "/users/ana", token, HttpSteps.Ana);
        var tag = (await Is(200, "GET", "/users/ana", token)).Tag();
        await Is(200, "HEAD", "/users/ana", token);
        await Is(304, "GET", "/users/ana", [.. token, ("If-None-Match", tag)]);
        await Is(412, "GET", "/users/ana", [.. token, ("If-Match", "\"other\"")]);
        await Is(400, "GET", "/users/ana", [.. token, ("If-Match", "other")]);
        await Is(200, "GET", "/users", token);
        await Is(200, "GET", "/USERS?limit=1", token);
        await Is(422, "GET", "/users?limit=0", token);
        await Is(422, "GET", "/users/..", token);
        await Is(401, "GET", "/users/ana", s_noHeaders);
        await Is(403, "DELETE", "/users/ana", reader);
        await Is(404, "GET", "/users/bob", token);
        await Is(404, "GET", "/users/ana/x", token);
        await Is(405, "POST", "/users/ana", token);
        await Is(413, "PUT", "/users/ana", token, new string(' ', 200));
        await Is(400, "PUT", "/users/ana", token, "{");
        await Is(204, "DELETE", "/users/ana", token);
        foreach (var path in new[] { "/", "/alive", "/health", "/openapi.json", "/docs/index.html", "/docs/swagger-ui.css" })
        {
            await Is(200, "GET", path, token);
        }

        await Is(404, "GET", "/nowhere", token);
        await Is(400, "GET", "/users/ana", [.. token, ("Host", "rebind.example")]);

        async Task<HttpResponseMessage> Is(int status, string method, string target, (string, string)[] headers, string? body = null)
        {
            var response = await client.Send(method, target, body is null ? null : HttpSteps.Body(body), headers);
            Assert.True(status == (int)response.StatusCode, $"{method} {target}: {response.StatusCode}");
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
            if (target.StartsWith("/users", StringComparison.OrdinalIgnoreCase))
            {
                Assert.True(response.Headers.CacheControl is { Private: true, NoCache: true, NoStore: false }, $"{method} {target}: {response.Headers.CacheControl}");
            }

            return response;
        }
    }

    [Theory]
    [InlineData(true, HttpStatusCode.ServiceUnavailable)]
    [InlineData(false, HttpStatusCode.InternalServerError)]
    public async Task A_failure_has_the_headers_too(bool isUnavailable, HttpStatusCode status)
    {
        await using var api = new ApiFactory
        {
            Configure = services => services.AddSingleton<IUserStore>(new StoreDouble(_ =>
                throw (isUnavailable ? new StoreUnavailableException(mayHaveBeenApplied: false) : new InvalidOperationException("a defect")))),
        };
        using var client = api.CreateClient();

        var response = await client.Get("ana").Is(status);

        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
        Assert.True(response.Headers.CacheControl is { Private: true, NoCache: true });
    }

    [Theory]
    [InlineData("localhost", 201)]
    [InlineData("localhost:8000", 201)]
    [InlineData("api.localhost", 201)]
    [InlineData("127.0.0.1:8000", 201)]
    [InlineData("[::1]:8000", 201)]
    [InlineData("rebind.example", 400)]
    [InlineData("localhost.rebind.example", 400)]
    public async Task A_page_of_another_site_cannot_write_in_development_by_a_name_that_leads_here(string host, int status)
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        await client.Put("ana", headers: ("Host", host)).Is((HttpStatusCode)status);
    }

    [Fact]
    public async Task Any_name_leads_to_the_API_elsewhere()
    {
        await using var api = new ApiFactory(("Store:Kind", "Embedded"), ("Authentication:AllowAnonymous", "true")) { Environment = "Production" };
        using var client = api.CreateClient();

        await client.Put("ana", headers: ("Host", "users.example.org")).Is(HttpStatusCode.Created);
    }
}
