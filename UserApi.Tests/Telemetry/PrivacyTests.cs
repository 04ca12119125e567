using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.Tokens;
using MongoDB.Bson;
using OpenTelemetry.Trace;
using UserApi.Api.Users;
using UserApi.MongoWire;
using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Telemetry;

/// <summary>
/// With the log levels as shipped, logs and spans contain no token, no e-mail address and no name. The audit log contains the token's
/// subject, which is not an e-mail address in these tests.
/// </summary>
[Collection(nameof(ProcessWideTelemetry))]
public sealed class PrivacyTests : IAsyncLifetime
{
    private const string Name = "Markername";
    private const string Email = "marker@example.org";
    private const string Body = $$$"""{"name":"{{{Name}}}","email":"{{{Email}}}","attributes":{"nick":"{{{Name}}}"}}""";

    // The position of a page quotes the user before it.
    private static readonly string s_position = new UserPosition(Email, Name).ToText(UserOrder.Name);

    private readonly LogCollector _log = new();
    private readonly List<Activity> _spans = [];
    private readonly List<string> _tokens = [];
    private Issuer _issuer = null!;
    private MongoWireServer _mongo = null!;
    private (string Name, string Value) _token;

    public async ValueTask InitializeAsync()
    {
        _issuer = await Issuer.StartAsync();
        _mongo = await MongoWireServer.StartAsync();
        _token = Token();
    }

    public async ValueTask DisposeAsync()
    {
        await _mongo.DisposeAsync();
        await _issuer.DisposeAsync();
        _log.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_is_written_and_read_is_not_told(bool isMongo)
    {
        await AssertNothingIsToldAsync(isMongo, async client =>
        {
            await client.Send("PUT", $"/users/{Email}", HttpSteps.Body(Body), _token).Is(HttpStatusCode.Created);
            await client.Put(Email, Body, _token, ("If-None-Match", "*")).Is(HttpStatusCode.PreconditionFailed);
            await client.Send("GET", $"/users/{Email}", _token).Is(HttpStatusCode.OK);
            await client.Get(Email, _token).Is(HttpStatusCode.OK);
            await client.Send("GET", $"/users?after={Email}&limit=1", _token).Is(HttpStatusCode.OK);
            await client.WaitForIndexesAsync(_token);
            await client.Send("GET", $"/users?email={Email}", _token).Is(HttpStatusCode.OK);
            await client.Send("GET", $"/users?name={Name}&attributes.nick={Name}&sort=-updatedAt&count=true", _token).Is(HttpStatusCode.OK);
            await client.Send("GET", $"/users?name={Name}&limit=1&after={s_position}", _token).Is(HttpStatusCode.OK);
            await client.Patch(Email, $$"""{"name":"{{Name}} II"}""", _token).Is(HttpStatusCode.OK);
            await client.Delete(Email, _token).Is(HttpStatusCode.NoContent);
        });
        Assert.Contains(_spans, span => span.DisplayName == "PUT /users/{id}");
    }

    [Fact]
    public Task What_is_no_request_for_a_user_is_not_told() => AssertNothingIsToldAsync(isMongo: false, async client =>
    {
        await client.Put(Email, Body, _token).Is(HttpStatusCode.Created);
        await client.Patch(Email, $$"""{"email":"{{Name}}"}""", _token).Is(HttpStatusCode.UnprocessableEntity);
        await client.Put(Email, Body[..^1], _token).Is(HttpStatusCode.BadRequest);
        await client.Put(Email, $"\"{Name}{new string('x', 70_000)}\"", _token).Is(HttpStatusCode.RequestEntityTooLarge);
        await client.Put($"{Email}!", Body, _token).Is(HttpStatusCode.UnprocessableEntity);
        await client.Get(Email, _token, ("If-Match", Email)).Is(HttpStatusCode.BadRequest);
        await client.Send("GET", $"/users?limit={Email}", _token).Is(HttpStatusCode.UnprocessableEntity);
        await client.Send("GET", $"/users?attributes.{Name}={Email}&email={Email}&email={Email}", _token).Is(HttpStatusCode.UnprocessableEntity);
        await client.Send("GET", $"/people/{Email}?name={Name}", _token).Is(HttpStatusCode.NotFound);
        await client.Send("POST", $"/users/{Email}", _token).Is(HttpStatusCode.MethodNotAllowed);
    });

    [Fact]
    public Task Tokens_that_are_refused_are_not_told() => AssertNothingIsToldAsync(isMongo: false, async client =>
    {
        var (name, good) = _token;
        var expired = Token(change: token => (token.NotBefore, token.Expires) = (DateTime.UtcNow.AddHours(-2), DateTime.UtcNow.AddHours(-1)));
        var foreign = Token(change: token => token.SigningCredentials = Issuer.NewRsaKey());
        await client.Get(Email, expired).Is(HttpStatusCode.Unauthorized);
        await client.Get(Email, foreign).Is(HttpStatusCode.Unauthorized);
        await client.Get(Email, (name, good[..^9])).Is(HttpStatusCode.Unauthorized);
        await client.Get(Email, (name, $"{good} {good}")).Is(HttpStatusCode.Unauthorized);
        await client.Get(Email, (name, good + new string('a', 40_000))).Is(HttpStatusCode.RequestHeaderFieldsTooLarge);
        await client.Send("GET", $"/users/{Email}?access_token={good["Bearer ".Length..]}").Is(HttpStatusCode.Unauthorized);
        await client.Delete(Email, Token(Issuer.Read)).Is(HttpStatusCode.Forbidden);
        await _issuer.StopAsync();
        await client.Get(Email, foreign).Is(HttpStatusCode.Unauthorized);
    });

    [Fact]
    public async Task What_the_database_reports_is_not_told()
    {
        await AssertNothingIsToldAsync(isMongo: true, async client =>
        {
            // The server's report of a collision quotes the id.
            _mongo.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 1), []);
            await client.Put($"two-{Email}", Body, _token).Is(HttpStatusCode.OK);
            _mongo.ConfigureFailPoint("failCommand", "alwaysOn", BsonDocument.Parse("{ failCommands: ['findAndModify'], errorCode: 50 }"));
            await client.Put(Email, Body, _token).Is(HttpStatusCode.ServiceUnavailable);
            _mongo.ConfigureFailPoint("failCommand", "alwaysOn", BsonDocument.Parse("{ failCommands: ['find'], closeConnection: true }"));
            await client.Get(Email, _token).Is(HttpStatusCode.ServiceUnavailable);
            await client.Send("GET", $"/users?email={Email}&name={Name}", _token).Is(HttpStatusCode.ServiceUnavailable);
        });
        Assert.Contains(_spans, span => span.Kind == ActivityKind.Client && span.Status == ActivityStatusCode.Error);
    }

    /// <summary>A token with an e-mail address and a name, as a header.</summary>
    private (string Name, string Value) Token(string scope = Issuer.Both, Action<SecurityTokenDescriptor>? change = null)
    {
        var token = _issuer.Token(scope, token =>
        {
            (token.Claims["email"], token.Claims["name"]) = (Email, Name);
            change?.Invoke(token);
        });
        _tokens.Add(token);
        return HttpSteps.Bearer(token);
    }

    private async Task AssertNothingIsToldAsync(bool isMongo, Func<HttpClient, Task> requests)
    {
        await using (var api = new ApiFactory(
        [
            .. _issuer.Settings,
            .. isMongo ? new[] { ("ConnectionStrings:users", _mongo.ConnectionString) } : [],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("Logging:LogLevel:UserApi", "Trace"),
            ("Limits:RequestsPerSecondPerCaller", "100"),
            ("Store:Timeout", "00:00:09"), // enough for the first connection on a busy machine
        ])
        {
            Configure = services => services
                .AddSingleton<ILoggerProvider>(_log)
                .ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddInMemoryExporter(_spans)),
        })
        {
            // The API runs in the test's process, so the test's own client must not be traced.
            using var client = new HttpClient(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = api.Address };
            await requests(client);
        }

        string[] secrets = [Name, "marker", s_position, .. _tokens.SelectMany(each => each.Split('.')[1..])];
        var written = _log.Lines.Concat(_spans.Select(Describe)).ToList();
        Assert.Contains(_log.Lines, line => line.Contains("User store:", StringComparison.Ordinal));
        Assert.Contains(_spans, span => span.Kind == ActivityKind.Server);
        Assert.DoesNotContain(written, line => secrets.Any(secret => line.Contains(secret, StringComparison.OrdinalIgnoreCase)));
    }

    private static string Describe(Activity span) => string.Join(
        ' ',
        [
            span.DisplayName,
            span.OperationName,
            span.StatusDescription,
            .. span.TagObjects.Select(tag => $"{tag.Key}={tag.Value}"),
            .. span.Baggage.Select(item => $"{item.Key}={item.Value}"),
            .. span.Events.SelectMany(entry => entry.Tags.Select(tag => $"{entry.Name} {tag.Key}={tag.Value}")),
        ]);
}
