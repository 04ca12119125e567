using System.Text.Json.Nodes;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>The authorization that each route requires.</summary>
public class RouteTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Reading_needs_the_one_scope_writing_the_other_and_what_is_for_operation_needs_none()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        string?[] tokens = [null, issuer.Token(Issuer.Read), issuer.Token(Issuer.Write), issuer.Token(Issuer.Both)];
        (string Route, int[] Statuses)[] table =
        [
            // the statuses without a token, and with the scopes read, write, and both
            ("PUT /users/ana", [401, 403, 201, 200]),
            ("PATCH /users/ana", [401, 403, 200, 200]),
            ("GET /users/ana", [401, 200, 403, 200]),
            ("HEAD /users/ana", [401, 200, 403, 200]),
            ("GET /users", [401, 200, 403, 200]),
            ("GET /users/", [401, 200, 403, 200]),
            ("HEAD /users", [401, 200, 403, 200]),
            ("GET /users?limit=0", [401, 422, 403, 422]),
            ("GET /users/%24where", [401, 422, 403, 422]),
            ("DELETE /users/ana", [401, 403, 204, 404]),
            ("GET /", [200, 200, 200, 200]),
            ("HEAD /", [200, 200, 200, 200]),
            ("GET /alive", [200, 200, 200, 200]),
            ("GET /health", [200, 200, 200, 200]),
            ("GET /openapi.json", [200, 200, 200, 200]),
            ("GET /docs/index.html", [200, 200, 200, 200]),
            ("POST /users/ana", [405, 405, 405, 405]),
            ("GET /nothing", [404, 404, 404, 404]),
        ];

        foreach (var (route, expected) in table)
        {
            var (method, path) = (route.Split(' ')[0], route.Split(' ')[1]);
            var actual = new List<int>();
            foreach (var token in tokens)
            {
                var body = method switch
                {
                    "PUT" => HttpSteps.Body(HttpSteps.Ana),
                    "PATCH" => HttpSteps.Body(HttpSteps.Ana, HttpSteps.MergePatch),
                    _ => null,
                };
                actual.Add(await client.Send(method, path, body, token is null ? [] : [HttpSteps.Bearer(token)]).Status());
            }

            Assert.True(expected.SequenceEqual(actual), $"{route}: {string.Join(' ', actual)} instead of {string.Join(' ', expected)}");
        }
    }

    [Fact]
    public async Task The_refusals_say_why_in_the_header_and_in_the_body()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();

        using var unknown = await client.Delete("ana");
        using var forbidden = await client.Delete("ana", HttpSteps.Bearer(issuer.Token(Issuer.Read)));
        var problem = JsonNode.Parse(await forbidden.Content.ReadAsStringAsync(Cancel))!;

        Assert.Equal("Bearer", unknown.Headers.WwwAuthenticate.ToString());
        Assert.Equal("Bearer error=\"insufficient_scope\", scope=\"users.write\"", forbidden.Headers.WwwAuthenticate.ToString());
        Assert.All([unknown, forbidden], answer => Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.ToString()));
        Assert.Equal("The token does not have the scope users.write.", (string)problem["detail"]!);
    }

    [Fact]
    public async Task The_details_of_the_health_are_for_those_who_may_read()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();

        Assert.Equal(["status"], await MembersAsync("/health"));
        Assert.Equal(["status"], await MembersAsync("/health", HttpSteps.Bearer("nonsense")));
        Assert.Equal(["status"], await MembersAsync("/health", HttpSteps.Bearer(issuer.Token(Issuer.Write))));
        Assert.Equal(["status", "checks"], await MembersAsync("/health", HttpSteps.Bearer(issuer.Token(Issuer.Read))));
        Assert.Equal(["status"], await MembersAsync("/alive", HttpSteps.Bearer(issuer.Token(Issuer.Read)))); // ignores tokens

        async Task<IEnumerable<string>> MembersAsync(string path, params (string, string)[] headers)
        {
            using var answer = await client.Send("GET", path, headers);
            return JsonNode.Parse(await answer.Content.ReadAsStringAsync(Cancel))!.AsObject().Select(member => member.Key);
        }
    }

    [Fact]
    public async Task The_document_says_of_each_guarded_operation_that_it_needs_a_token_and_what_comes_without()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        var document = JsonNode.Parse(await client.GetStringAsync("/openapi.json", Cancel))!;
        Assert.Equal("bearer", (string)document["components"]!["securitySchemes"]!["Bearer"]!["scheme"]!);

        var guarded = new List<string>();
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in item!.AsObject())
            {
                var isOpen = await client.Send(method.ToUpperInvariant(), path.Replace("{id}", "ana")).Status() != 401;
                Assert.Equal(isOpen, operation!["security"]!.AsArray().Count == 0);
                Assert.Equal(isOpen, operation["responses"]!["401"] is null);
                Assert.Equal(isOpen, operation["responses"]!["403"] is null);
                if (!isOpen)
                {
                    guarded.Add($"{method} {path}");
                    Assert.NotNull(operation["responses"]!["401"]!["headers"]!["WWW-Authenticate"]);
                    var scope = method is "get" or "head" ? Issuer.Read : Issuer.Write;
                    Assert.Contains(scope, (string)operation["responses"]!["403"]!["headers"]!["WWW-Authenticate"]!["example"]!);
                }
            }
        }

        Assert.Equal(6, guarded.Count);
    }
}
