using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace UserApi.Tests.Access;

/// <summary>A small OpenID Connect issuer on loopback: a discovery document, its keys, and tokens of any kind, good and bad.</summary>
internal sealed class Issuer : IAsyncDisposable
{
    public const string Audience = "users";
    public const string Read = "users.read";
    public const string Write = "users.write";
    public const string Both = $"{Read} {Write}";

    private WebApplication? _server;
    private readonly ConcurrentQueue<string> _headers = new();
    private int _requests;

    private Issuer()
    {
    }

    /// <summary>The address that an API is configured with.</summary>
    public string Address { get; private set; } = "http://127.0.0.1:0";

    /// <summary>The key that signs new tokens.</summary>
    public SigningCredentials Key { get; private set; } = NewRsaKey();

    /// <summary>The published keys; after <see cref="Rotate"/> they may include old ones.</summary>
    public IReadOnlyList<SigningCredentials> Keys { get; private set; } = [];

    /// <summary>The delay before each response.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>The number of requests received.</summary>
    public int Requests => _requests;

    /// <summary>The names of all request headers received.</summary>
    public IEnumerable<string> Headers => _headers;

    /// <summary>The settings of an API that accepts only requests with a token of this issuer.</summary>
    public (string, string)[] Settings =>
    [
        ("Authentication:AllowAnonymous", "false"),
        ("Authentication:Schemes:Bearer:Authority", Address),
        ("Authentication:Schemes:Bearer:RequireHttpsMetadata", "false"),
        ("Authentication:Schemes:Bearer:ValidAudiences:0", Audience),
    ];

    public static async Task<Issuer> StartAsync()
    {
        var issuer = new Issuer();
        issuer.Keys = [issuer.Key];
        await issuer.StartAgainAsync();
        return issuer;
    }

    public static SigningCredentials NewRsaKey() =>
        new(new RsaSecurityKey(RSA.Create(2048)) { KeyId = Guid.NewGuid().ToString("N") }, SecurityAlgorithms.RsaSha256);

    public static SigningCredentials NewEcKey() =>
        new(new ECDsaSecurityKey(ECDsa.Create(ECCurve.NamedCurves.nistP256)) { KeyId = Guid.NewGuid().ToString("N") }, SecurityAlgorithms.EcdsaSha256);

    /// <summary>Starts listening; after <see cref="StopAsync"/> at the same address again.</summary>
    public async Task StartAgainAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(Address);
        _server = builder.Build();
        _server.Use(async (http, next) =>
        {
            Interlocked.Increment(ref _requests);
            foreach (var name in http.Request.Headers.Keys)
            {
                _headers.Enqueue(name);
            }

            await Task.Delay(Delay, http.RequestAborted);
            await next(http);
        });
        _server.MapGet("/.well-known/openid-configuration", () => Json(new() { ["issuer"] = Address, ["jwks_uri"] = $"{Address}/keys" }));
        _server.MapGet("/keys", () => Json(new() { ["keys"] = new JsonArray([.. Keys.Select(Publish)]) }));
        await _server.StartAsync();
        Address = _server.Urls.Single();

        static IResult Json(JsonObject document) => Results.Text(document.ToJsonString(), "application/json");
    }

    public async Task StopAsync()
    {
        if (_server is { } server)
        {
            _server = null;
            await server.DisposeAsync();
        }
    }

    /// <summary>Replaces the signing key.</summary>
    public void Rotate(SigningCredentials next, bool keepOld)
    {
        Keys = keepOld ? [.. Keys, next] : [next];
        Key = next;
    }

    /// <summary>A valid token with both scopes, unless the parameters change it.</summary>
    public string Token(string scope = Both, Action<SecurityTokenDescriptor>? change = null)
    {
        var token = new SecurityTokenDescriptor
        {
            Issuer = Address,
            Audience = Audience,
            NotBefore = DateTime.UtcNow.AddMinutes(-1),
            Expires = DateTime.UtcNow.AddMinutes(10),
            SigningCredentials = Key,
            Claims = new Dictionary<string, object> { ["sub"] = "caller", ["scope"] = scope },
        };
        change?.Invoke(token);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(token);
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private static JsonNode Publish(SigningCredentials key)
    {
        var jwk = JsonWebKeyConverter.ConvertFromSecurityKey(key.Key);
        var published = new JsonObject { ["kid"] = jwk.Kid, ["kty"] = jwk.Kty, ["use"] = "sig", ["alg"] = key.Algorithm };
        foreach (var (name, value) in new[] { ("n", jwk.N), ("e", jwk.E), ("crv", jwk.Crv), ("x", jwk.X), ("y", jwk.Y) })
        {
            if (value is not null)
            {
                published[name] = value;
            }
        }

        return published;
    }
}
