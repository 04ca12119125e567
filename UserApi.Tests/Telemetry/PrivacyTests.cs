using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using OpenTelemetry.Trace;
using UserApi.Api.Users;
using UserApi.MongoWire;
using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Telemetry;

/// <summary>What is written to logs and spans, with the levels as shipped, holds no token, no e-mail address and no name. The audit log names the token's
/// subject, which is not an e-mail address here.</summary>
[Collection(nameof(ProcessWideTelemetry))]
public class PrivacyTests
{
    private const string Name = "Markername";
    private const string Email = "marker@example.org";
    private const string Body = $$$"""{"name":"{{{Name}}}","email":"{{{Email}}}","attributes":{"nick":"{{{Name}}}"}}""";

    private static readonly BsonString s_always = "alwaysOn";

    private readonly List<Activity> _spans = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task No_token_e_mail_address_or_name_gets_into_a_log_line_or_a_span(bool isMongo)
    {
        var log = new LogCollector();
        await using var issuer = await Issuer.StartAsync();
        await using var mongo = await MongoWireServer.StartAsync();
        var token = issuer.Token(change: token => (token.Claims["email"], token.Claims["name"]) = (Email, Name));
        var expired = issuer.Token(change: token => (token.NotBefore, token.Expires, token.Claims["email"]) = (DateTime.UtcNow.AddHours(-2), DateTime.UtcNow.AddHours(-1), Email));
        var foreign = issuer.Token(change: token => (token.SigningCredentials, token.Claims["email"]) = (Issuer.NewRsaKey(), Email));
        var reader = issuer.Token(Issuer.Read, token => token.Claims["email"] = Email);
        string[] tokens = [token, expired, foreign, reader];

        await using (var api = new ApiFactory(
        [
            .. issuer.Settings,
            .. isMongo ? new[] { ("ConnectionStrings:users", mongo.ConnectionString) } : [],
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"),
            ("Logging:LogLevel:UserApi", "Trace"),
            ("Limits:RequestsPerSecondPerCaller", "100"),
            ("Store:Timeout", "00:00:10"), // time enough for the first connection on a busy machine
        ])
        {
            Configure = services => services
                .AddSingleton<ILoggerProvider>(log)
                .ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddInMemoryExporter(_spans)),
        })
        {
            // The API shares the process with the test: its own caller is not to be traced with it.
            using var client = new HttpClient(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = api.Address };
            await SendAsync("PUT", $"/users/{Email}", token, HttpStatusCode.Created, Body);
            await SendAsync("PUT", $"/users/{Email}", token, HttpStatusCode.PreconditionFailed, Body, ("If-None-Match", "*"));
            await SendAsync("GET", $"/users/{Email}", token, HttpStatusCode.OK);
            await SendAsync("GET", $"/users/{Uri.EscapeDataString(Email)}", token, HttpStatusCode.OK);
            await SendAsync("GET", $"/users?after={Email}&limit=1", token, HttpStatusCode.OK);
            await SendAsync("GET", $"/users?limit={Email}", token, HttpStatusCode.UnprocessableEntity);
            while ((await client.SendAsync(Authorized("/users?sort=name"), Cancel)).StatusCode == HttpStatusCode.ServiceUnavailable)
            {
                await Task.Delay(10, Cancel);
            }

            await SendAsync("GET", $"/users?email={Email}", token, HttpStatusCode.OK);
            await SendAsync("GET", $"/users?name={Name}&attributes.nick={Name}&sort=-updatedAt&count=true", token, HttpStatusCode.OK);
            await SendAsync("GET", $"/users?name={Name}&limit=1&after={new UserPosition(Email, Name).ToText(UserOrder.Name)}", token, HttpStatusCode.OK);
            await SendAsync("GET", $"/users?attributes.{Name}={Email}&email={Email}&email={Email}", token, HttpStatusCode.UnprocessableEntity);
            await SendAsync("PATCH", $"/users/{Email}", token, HttpStatusCode.OK, $$"""{"name":"{{Name}} II"}""");
            await SendAsync("PATCH", $"/users/{Email}", token, HttpStatusCode.UnprocessableEntity, $$"""{"email":"{{Name}}"}""");
            await SendAsync("PUT", $"/users/{Email}", token, HttpStatusCode.BadRequest, Body[..^1]);
            await SendAsync("PUT", $"/users/{Email}", token, HttpStatusCode.RequestEntityTooLarge, $"\"{Name}{new string('x', 70_000)}\"");
            await SendAsync("PUT", $"/users/{Email}!", token, HttpStatusCode.UnprocessableEntity, Body);
            await SendAsync("GET", $"/users/{Email}", token, HttpStatusCode.BadRequest, null, ("If-Match", Email));
            await SendAsync("GET", $"/people/{Email}?name={Name}", token, HttpStatusCode.NotFound);
            await SendAsync("POST", $"/users/{Email}", token, HttpStatusCode.MethodNotAllowed);
            await SendAsync("GET", $"/users/{Email}?access_token={token}", null, HttpStatusCode.Unauthorized);
            await SendAsync("GET", $"/users/{Email}", expired, HttpStatusCode.Unauthorized);
            await SendAsync("GET", $"/users/{Email}", foreign, HttpStatusCode.Unauthorized);
            await SendAsync("GET", $"/users/{Email}", token[..^9], HttpStatusCode.Unauthorized);
            await SendAsync("GET", $"/users/{Email}", $"{token} {token}", HttpStatusCode.Unauthorized);
            await SendAsync("GET", $"/users/{Email}", token + new string('a', 40_000), HttpStatusCode.RequestHeaderFieldsTooLarge);
            await SendAsync("DELETE", $"/users/{Email}", reader, HttpStatusCode.Forbidden);
            if (isMongo)
            {
                // The server's report of a collision quotes the id.
                mongo.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 1), []);
                await SendAsync("PUT", $"/users/two-{Email}", token, HttpStatusCode.OK, Body);
                mongo.ConfigureFailPoint("failCommand", s_always, BsonDocument.Parse("{ failCommands: ['findAndModify'], errorCode: 50 }"));
                await SendAsync("PUT", $"/users/{Email}", token, HttpStatusCode.ServiceUnavailable, Body);
                mongo.ConfigureFailPoint("failCommand", s_always, BsonDocument.Parse("{ failCommands: ['find'], closeConnection: true }"));
                await SendAsync("GET", $"/users/{Email}", token, HttpStatusCode.ServiceUnavailable);
                await SendAsync("GET", $"/users?email={Email}&name={Name}", token, HttpStatusCode.ServiceUnavailable);
                mongo.ConfigureFailPoint("failCommand", "off");
            }

            await SendAsync("DELETE", $"/users/{Email}", token, HttpStatusCode.NoContent);
            await issuer.StopAsync();
            await SendAsync("GET", $"/users/{Email}", foreign, HttpStatusCode.Unauthorized);

            HttpRequestMessage Authorized(string path) => new(HttpMethod.Get, path) { Headers = { Authorization = new("Bearer", token) } };

            async Task SendAsync(
                string method, string path, string? bearer, HttpStatusCode expected, string? body = null, (string Name, string Value)? header = null)
            {
                using var request = new HttpRequestMessage(new(method), path);
                request.Headers.TryAddWithoutValidation("Authorization", bearer is null ? null : $"Bearer {bearer}");
                if (header is { } more)
                {
                    request.Headers.TryAddWithoutValidation(more.Name, more.Value);
                }

                if (body is not null)
                {
                    request.Content = new StringContent(body, Encoding.UTF8, method == "PATCH" ? "application/merge-patch+json" : "application/json");
                }

                using var answer = await client.SendAsync(request, Cancel);
                Assert.True(expected == answer.StatusCode, $"{method} {path[..Math.Min(path.Length, 60)]}: {answer.StatusCode}");
            }
        }

        string[] secrets = [Name, "marker", new UserPosition(Email, Name).ToText(UserOrder.Name), .. tokens.SelectMany(each => each.Split('.')[1..])];
        var written = log.Lines.Concat(_spans.Select(Describe)).ToList();
        Assert.Contains(log.Lines, line => line.Contains("User store:", StringComparison.Ordinal));
        Assert.Contains(_spans, span => span.DisplayName == "PUT /users/{id}");
        Assert.Contains(_spans, span => span.Kind == ActivityKind.Client && span.Status == ActivityStatusCode.Error || !isMongo);
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
