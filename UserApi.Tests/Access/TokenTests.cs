using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Microsoft.IdentityModel.Tokens;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>Which tokens are accepted. The requested user does not exist, so an authorized request gets a 404.</summary>
public class TokenTests
{
    private static readonly string[] s_bothScopes = [Issuer.Read, Issuer.Write];
    private static readonly string[] s_twoAudiences = ["billing", Issuer.Audience];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_token_gets_in_by_its_scope_however_the_issuer_writes_it()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        issuer.Rotate(Issuer.NewEcKey(), keepOld: true);
        var rs256 = issuer.Keys[0];

        var verdicts = new Dictionary<string, string>();
        foreach (var (name, token) in new (string, string)[]
        {
            ("RS256", issuer.Token(change: token => token.SigningCredentials = rs256)),
            ("ES256", issuer.Token()),
            ("scope: array", With("scope", s_bothScopes)),
            ("scp: string", With("scp", Issuer.Both)),
            ("scp: array", With("scp", s_bothScopes)),
            ("scope: among others", With("scope", $"openid {Issuer.Read} email")),
            ("audience: one of two", issuer.Token(change: token => (token.Audience, token.Claims["aud"]) = (null, s_twoAudiences))),
            ("scope: none", With("scope", "")),
            ("scope: another", With("scope", Issuer.Write)),
            ("scope: a part of a word", With("scope", "users.readers my.users.read users.rea")),
            ("scope: other case", With("scope", "Users.Read")),
            ("scope: by comma", With("scope", "users.read,users.write")),
            ("scope: number", With("scope", 1)),
            ("scope: object", With("scope", new Dictionary<string, object> { ["a"] = $"x {Issuer.Read} x" })),
            ("scope: object among strings", With("scope", new object[] { "x", new Dictionary<string, object> { ["a"] = $"x {Issuer.Read} x" } })),
            ("scp: list in a list", With("scp", new object[] { new[] { "x", $" {Issuer.Read} " } })),
            ("role instead", With("role", Issuer.Read)),
        })
        {
            verdicts.Add(name, await client.Get("nobody", HttpSteps.Bearer(token)).Verdict());
        }

        const string Insufficient = "403 Bearer error=\"insufficient_scope\", scope=\"users.read\"";
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["RS256"] = "404",
                ["ES256"] = "404",
                ["scope: array"] = "404",
                ["scp: string"] = "404",
                ["scp: array"] = "404",
                ["scope: among others"] = "404",
                ["audience: one of two"] = "404",
                ["scope: none"] = Insufficient,
                ["scope: another"] = Insufficient,
                ["scope: a part of a word"] = Insufficient,
                ["scope: other case"] = Insufficient,
                ["scope: by comma"] = Insufficient,
                ["scope: number"] = Insufficient,
                ["scope: object"] = Insufficient,
                ["scope: object among strings"] = Insufficient,
                ["scp: list in a list"] = Insufficient,
                ["role instead"] = Insufficient,
            },
            verdicts);

        string With(string claim, object value) =>
            issuer.Token(change: token => token.Claims = new Dictionary<string, object> { ["sub"] = "caller", [claim] = value });
    }

    [Fact]
    public async Task No_other_token_gets_in()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        var good = issuer.Token();
        var parts = good.Split('.');
        var publicKey = ((RsaSecurityKey)issuer.Key.Key).Rsa.ExportSubjectPublicKeyInfoPem();
        var stranger = Issuer.NewRsaKey();
        stranger.Key.KeyId = issuer.Key.Key.KeyId;
        Assert.Equal("404", await client.Get("nobody", HttpSteps.Bearer(good)).Verdict());

        var refused = new Dictionary<string, string>
        {
            ["expired"] = issuer.Token(change: token => (token.NotBefore, token.Expires) = (DateTime.UtcNow.AddHours(-1), DateTime.UtcNow.AddMinutes(-6))),
            ["without end"] = issuer.Token(change: token => token.Expires = null),
            ["not yet valid"] = issuer.Token(change: token => (token.NotBefore, token.Expires) = (DateTime.UtcNow.AddMinutes(6), DateTime.UtcNow.AddHours(1))),
            ["for another audience"] = issuer.Token(change: token => token.Audience = "billing"),
            ["without audience"] = issuer.Token(change: token => token.Audience = null),
            ["of another issuer"] = issuer.Token(change: token => token.Issuer = "https://evil.example"),
            ["without issuer"] = issuer.Token(change: token => token.Issuer = null),
            ["unsigned"] = issuer.Token(change: token => token.SigningCredentials = null),
            ["alg none with a signature"] = $"{Encode("""{"alg":"none"}""")}.{parts[1]}.{parts[2]}",
            ["alg NoNe"] = $"{Encode("""{"alg":"NoNe"}""")}.{parts[1]}.",
            ["signed with the wrong key of the right name"] = issuer.Token(change: token => token.SigningCredentials = stranger),
            ["signed with a key of no known name"] = issuer.Token(change: token => token.SigningCredentials = Issuer.NewRsaKey()),
            ["HS256 with the public key, as PEM"] = Confuse(Encoding.UTF8.GetBytes(publicKey)),
            ["HS256 with the public key, as DER"] = Confuse(((RsaSecurityKey)issuer.Key.Key).Rsa.ExportSubjectPublicKeyInfo()),
            ["with its own key in the header"] = WithOwnKey(),
            ["payload of another"] = $"{parts[0]}.{issuer.Token(change: token => token.Claims["sub"] = "root").Split('.')[1]}.{parts[2]}",
            ["signature cut off"] = $"{parts[0]}.{parts[1]}.",
            ["without its last part"] = $"{parts[0]}.{parts[1]}",
            ["with a part more"] = $"{good}.e30",
            ["encrypted, five parts of nothing"] = "e30.e30.e30.e30.e30",
            ["not base64"] = $"{parts[0]}.§§.{parts[2]}".Replace("§", "*"),
            ["not JSON"] = $"{Encode("hello")}.{Encode("hello")}.{parts[2]}",
            ["deep JSON"] = $"{Encode(string.Concat(Enumerable.Repeat("{\"a\":", 2_000)))}.{parts[1]}.{parts[2]}",
            ["dots"] = "..",
            ["a word"] = "hello",
            ["twice"] = $"{good} {good}",
            ["20 KB of letters"] = new string('a', 20_000),
        };

        foreach (var (name, token) in refused)
        {
            using var answer = await client.Get("nobody", HttpSteps.Bearer(token));
            var problem = await answer.Content.ReadFromJsonAsync<JsonNode>(Cancel);
            Assert.True(401 == (int)answer.StatusCode, $"{name}: {(int)answer.StatusCode}");
            Assert.True(
                answer.Headers.WwwAuthenticate.ToString().StartsWith("Bearer error=\"invalid_token\"", StringComparison.Ordinal),
                $"{name}: {answer.Headers.WwwAuthenticate}");
            Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.ToString());
            Assert.Equal(401, (int)problem!["status"]!);
        }

        string Confuse(byte[] secret) => issuer.Token(change: token => token.SigningCredentials =
            new(new SymmetricSecurityKey(secret) { KeyId = issuer.Key.Key.KeyId }, SecurityAlgorithms.HmacSha256));

        string WithOwnKey()
        {
            var own = Issuer.NewRsaKey();
            return issuer.Token(change: token =>
            {
                token.SigningCredentials = own;
                token.AdditionalHeaderClaims = new Dictionary<string, object>
                {
                    ["jwk"] = new Dictionary<string, object> { ["kty"] = "RSA", ["kid"] = own.Key.KeyId, ["n"] = JsonWebKeyConverter.ConvertFromSecurityKey(own.Key).N, ["e"] = "AQAB" },
                    ["jku"] = "https://evil.example/keys",
                };
            });
        }
    }

    [Fact]
    public async Task A_token_is_taken_from_one_Authorization_header_and_from_nowhere_else()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        var good = issuer.Token();

        Assert.Equal("404", await client.Get("nobody", ("Authorization", $"bearer {good}")).Verdict());
        Assert.Equal("401 Bearer", await client.Get("nobody").Verdict());
        Assert.Equal("401 Bearer", await client.Get("nobody", ("Authorization", good)).Verdict());
        Assert.Equal("401 Bearer", await client.Get("nobody", ("Authorization", $"Basic {good}")).Verdict());
        Assert.Equal("401 Bearer", await client.Get("nobody", ("Authorization", "Bearer")).Verdict());
        Assert.Equal("401 Bearer", await client.Get("nobody", ("Authorization", "Bearer ")).Verdict());
        await client.Send("GET", $"/users/nobody?access_token={good}").Is(HttpStatusCode.Unauthorized);
        await client.Get("nobody", ("Cookie", $"access_token={good}; Authorization=Bearer {good}")).Is(HttpStatusCode.Unauthorized);

        using var answer = await client.Get("nobody", HttpSteps.Bearer(good), HttpSteps.Bearer(issuer.Token(Issuer.Read))).Is(HttpStatusCode.Unauthorized);
        Assert.StartsWith("Bearer error=\"invalid_token\"", answer.Headers.WwwAuthenticate.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_oversized_token_is_refused_by_the_server_and_the_next_call_is_answered()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();

        Assert.StartsWith("431", await client.Get("nobody", HttpSteps.Bearer(new string('a', 40_000))).Verdict(), StringComparison.Ordinal);
        Assert.Equal("404", await client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Verdict());
    }

    [Fact]
    public async Task A_prefix_of_the_scopes_is_required_where_one_is_set()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, ("Authentication:ScopePrefix", "https://users.example/")]);
        using var client = api.CreateClient();

        await client.Get("nobody", HttpSteps.Bearer(issuer.Token("https://users.example/users.read"))).Is(HttpStatusCode.NotFound);
        Assert.Equal(
            "403 Bearer error=\"insufficient_scope\", scope=\"https://users.example/users.read\"",
            await client.Get("nobody", HttpSteps.Bearer(issuer.Token(Issuer.Both))).Verdict());
    }

    [Fact]
    public async Task The_clocks_of_the_issuer_and_the_API_may_differ_by_thirty_seconds()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();

        Assert.Equal(404, await StatusAsync(notBefore: -600, expires: -15));
        Assert.Equal(401, await StatusAsync(notBefore: -600, expires: -45));
        Assert.Equal(404, await StatusAsync(notBefore: 15, expires: 600));
        Assert.Equal(401, await StatusAsync(notBefore: 60, expires: 600));

        Task<int> StatusAsync(int notBefore, int expires) => client.Get("nobody", HttpSteps.Bearer(issuer.Token(change: token =>
            (token.NotBefore, token.Expires) = (DateTime.UtcNow.AddSeconds(notBefore), DateTime.UtcNow.AddSeconds(expires))))).Status();
    }

    [Fact]
    public async Task A_refusal_says_what_is_wrong()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        var good = issuer.Token();

        await AssertAsync("The token has expired.", issuer.Token(change: token => (token.NotBefore, token.Expires) = (DateTime.UtcNow.AddHours(-2), DateTime.UtcNow.AddHours(-1))));
        await AssertAsync("The token is not valid yet.", issuer.Token(change: token => (token.NotBefore, token.Expires) = (DateTime.UtcNow.AddHours(1), DateTime.UtcNow.AddHours(2))));
        await AssertAsync("The token has no time of expiry.", issuer.Token(change: token => token.Expires = null));
        await AssertAsync("The token is for another audience.", issuer.Token(change: token => token.Audience = "billing"));
        await AssertAsync("The token is of another issuer.", issuer.Token(change: token => token.Issuer = "https://evil.example"));
        await AssertAsync("The token's signature is not one of the issuer's.", issuer.Token(change: token => token.SigningCredentials = Issuer.NewRsaKey()));
        await AssertAsync("The token's signature is not one of the issuer's.", good[..^6] + "AAAAAA");
        await AssertAsync("The token is not valid.", "hello");

        async Task AssertAsync(string detail, string token)
        {
            using var answer = await client.Get("nobody", HttpSteps.Bearer(token));
            var problem = await answer.Content.ReadFromJsonAsync<JsonNode>(Cancel);
            Assert.Equal(detail, (string?)problem!["detail"]);
            Assert.Equal($"Bearer error=\"invalid_token\", error_description=\"{detail}\"", answer.Headers.WwwAuthenticate.ToString());
        }
    }

    [Theory]
    [InlineData("\u00FC")]
    [InlineData("a\r\nSet-Cookie: a=b")]
    [InlineData("\"quoted\" \\")]
    [InlineData("\0")]
    public async Task A_forged_claim_is_refused_and_not_reflected(string forged)
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        foreach (var token in new[]
        {
            issuer.Token(change: token => token.Issuer = forged),
            issuer.Token(change: token => token.Audience = forged),
            issuer.Token(change: token => (token.Issuer, token.SigningCredentials) = (forged, null)),
            issuer.Token(change: token => (token.Claims["sub"], token.SigningCredentials) = (forged, Issuer.NewRsaKey())),
        })
        {
            using var answer = await client.Get("nobody", HttpSteps.Bearer(token));

            Assert.Equal(401, (int)answer.StatusCode);
            Assert.False(answer.Headers.Contains("Set-Cookie"));
            Assert.DoesNotContain(forged, answer.Headers + await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Whatever_a_token_holds_it_is_refused_and_the_refusal_is_one_of_few()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var client = api.CreateClient();
        var good = issuer.Token().Split('.');
        var text = Gen.OneOf(Gen.String[Gen.Char, 0, 12], Gen.Const("users"), Gen.Const("RS256"), Gen.Const("\r\nX: y"), Gen.Const("\u00FC"));
        var value = Gen.OneOf(text.Select(text => (object)text), text.Array[0, 3].Select(texts => (object)texts), Gen.Int.Select(number => (object)number));
        var member = Gen.Select(Gen.OneOf("iss", "aud", "sub", "exp", "nbf", "scope", "alg", "kid", "typ", "jku", "crit"), value);
        var part = member.Array[0, 5].Select(members => Encode(JsonSerializer.Serialize(
            members.DistinctBy(each => each.Item1).ToDictionary(each => each.Item1, each => each.Item2))));
        var token = Gen.Select(
            Gen.OneOf(part, Gen.Const(good[0])),
            Gen.OneOf(part, text.Select(Encode)),
            Gen.OneOf(text.Select(Encode), Gen.Const(good[2]), Gen.Const("")),
            (header, payload, signature) => $"{header}.{payload}.{signature}");

        await token.SampleAsync(
            async token =>
            {
                using var answer = await client.Get("nobody", HttpSteps.Bearer(token));
                Assert.Equal(401, (int)answer.StatusCode);
                Assert.Matches("^Bearer error=\"invalid_token\", error_description=\"The token[a-z' ]*\\.\"$", answer.Headers.WwwAuthenticate.ToString());
            },
            iter: 500);
    }

    [Fact]
    public async Task A_token_for_any_audience_is_taken_only_where_that_is_said()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, ("Authentication:AnyAudience", "true")]);
        using var client = api.CreateClient();

        Assert.Equal("404", await client.Get("nobody", HttpSteps.Bearer(issuer.Token(change: token => token.Audience = null))).Verdict());
        Assert.Equal("404", await client.Get("nobody", HttpSteps.Bearer(issuer.Token(change: token => token.Audience = "billing"))).Verdict());
        Assert.StartsWith("401", await client.Get("nobody", HttpSteps.Bearer(issuer.Token(change: token => token.Issuer = "https://evil.example"))).Verdict(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_issuer_is_checked_also_where_only_its_metadata_is_named()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(
        [
            .. issuer.Settings.Where(setting => !setting.Item1.EndsWith(":Authority", StringComparison.Ordinal)),
            ("Authentication:Schemes:Bearer:MetadataAddress", $"{issuer.Address}/.well-known/openid-configuration"),
        ]);
        using var client = api.CreateClient();

        Assert.Equal("404", await client.Get("nobody", HttpSteps.Bearer(issuer.Token())).Verdict());
        Assert.StartsWith("401", await client.Get("nobody", HttpSteps.Bearer(issuer.Token(change: token => token.Issuer = "https://evil.example"))).Verdict(), StringComparison.Ordinal);
    }

    private static string Encode(string text) => Base64UrlEncoder.Encode(text);
}
