using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OpenTelemetry.Trace;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Telemetry;

/// <summary>The spans that the exporter would receive.</summary>
[Collection(nameof(ProcessWideTelemetry))]
public class TracingTests
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string SpanId = "b7ad6b7169203331";

    private readonly List<Activity> _spans = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_request_is_one_trace_down_to_the_embedded_store()
    {
        await using (var api = Api())
        {
            using var client = Client(api);
            await client.PutAsJsonAsync("/users/ana", new { name = "Ana" }, Cancel);
        }

        Assert.Equal(["PUT /users/{id} (Server)", "put users (Client)"], Describe(_spans));
        Assert.Equal(Server.SpanId, Child.ParentSpanId);
        Assert.Equal(Server.TraceId, Child.TraceId);
        Assert.Equal("sqlite", Child.GetTagItem("db.system.name"));
    }

    [Fact]
    public async Task A_request_is_one_trace_down_to_the_MongoDB_command_and_nothing_is_doubled()
    {
        await using var mongo = await MongoWireServer.StartAsync();
        await using (var api = Api(("ConnectionStrings:users", mongo.ConnectionString)))
        {
            using var client = Client(api);
            await client.GetAsync("/users/ana", Cancel);
        }

        // The driver makes two spans: one for the operation, and one for its command.
        Assert.Equal(["GET /users/{id} (Server)", "find (Client)", "find users.users (Client)"], Describe(_spans));
        Assert.Single(_spans.Select(span => span.TraceId).Distinct());
        Assert.Equal(Server.SpanId, Child.ParentSpanId);
    }

    [Fact]
    public async Task The_ids_of_the_caller_go_on_and_are_named_in_an_error_and_nothing_else_is_taken()
    {
        JsonNode problem;
        await using (var api = Api())
        {
            using var client = Client(api, sampled: false);
            problem = (await (await client.GetAsync("/users/nobody", Cancel)).Content.ReadFromJsonAsync<JsonNode>(Cancel))!;
        }

        Assert.Equal(TraceId, (string)problem["traceId"]!);
        Assert.Equal(2, _spans.Count);
        Assert.All(_spans, span => Assert.Equal((TraceId, null), (span.TraceId.ToHexString(), span.TraceStateString)));
        Assert.All(_spans, span => Assert.Empty(span.Baggage));
        Assert.Equal(SpanId, Server.ParentSpanId.ToHexString());
    }

    [Theory]
    [InlineData("parentbased_traceidratio", "0", 0, 0)]
    [InlineData("traceidratio", "0", 0, 0)]
    [InlineData("always_off", null, 0, 0)]
    [InlineData("parentbased_traceidratio", "0.5", 150, 250)] // 400 requests: outside this range once in two million runs
    [InlineData("traceidratio", "0.5", 150, 250)]
    [InlineData("parentbased_always_on", null, 400, 400)]
    [InlineData(null, null, 400, 400)]
    public async Task How_much_is_traced_is_not_the_callers_decision(string? sampler, string? ratio, int least, int most)
    {
        await using (var api = Api([
            .. sampler is null ? [] : new[] { ("OTEL_TRACES_SAMPLER", sampler) },
            .. ratio is null ? [] : new[] { ("OTEL_TRACES_SAMPLER_ARG", ratio) }]))
        {
            foreach (var sampled in new[] { true, false })
            {
                using var client = Client(api, sampled);
                for (var i = 0; i < 200; i++)
                {
                    await client.GetAsync("/users/nobody", Cancel);
                }
            }
        }

        Assert.InRange(_spans.Count(span => span.Kind == ActivityKind.Server), least, most);
        Assert.Equal(_spans.Count, 2 * _spans.Count(span => span.Kind == ActivityKind.Server));
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 0)]
    public async Task Callers_decide_and_pass_on_their_state_where_they_are_trusted(bool sampled, int spans)
    {
        await using (var api = Api(("Telemetry:TrustCallers", "true"), ("OTEL_TRACES_SAMPLER", "parentbased_always_off")))
        {
            using var client = Client(api, sampled);
            await client.GetAsync("/users/nobody", Cancel);
        }

        Assert.Equal(spans, _spans.Count);
        Assert.All(_spans, span => Assert.Equal((TraceId, "vendor=1"), (span.TraceId.ToHexString(), span.TraceStateString)));
    }

    [Fact]
    public async Task A_caller_does_not_decide_how_its_request_is_carried_out_where_nothing_is_exported()
    {
        bool? isRecorded = null;
        await using var api = new ApiFactory
        {
            Configure = services => services.AddSingleton<IUserStore>(new StoreDouble(_ =>
            {
                isRecorded = Activity.Current?.Recorded;
                return Task.CompletedTask;
            })),
        };
        using var client = Client(api, sampled: true);

        await client.GetAsync("/users/nobody", Cancel);

        Assert.False(isRecorded);
    }

    [Theory]
    [InlineData("parentbased_always_on")]
    [InlineData("always_on")]
    public async Task Probes_leave_no_spans(string sampler)
    {
        await using var mongo = await MongoWireServer.StartAsync();
        await using (var api = Api(("ConnectionStrings:users", mongo.ConnectionString), ("OTEL_TRACES_SAMPLER", sampler)))
        {
            using var client = Client(api);
            foreach (var probe in new[] { "/", "/alive", "/health" })
            {
                Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(probe, Cancel)).StatusCode);
            }
        }

        Assert.Empty(Describe(_spans));
    }

    [Fact]
    public async Task A_database_error_leaves_nothing_of_a_document_in_its_span()
    {
        await using var mongo = await MongoWireServer.StartAsync();
        await using (var api = Api(("ConnectionStrings:users", mongo.ConnectionString)))
        {
            using var client = Client(api);
            var put = await client.PutAsJsonAsync("/users/ana@example.org", new { name = "Ana" }, Cancel);
            client.DefaultRequestHeaders.Add("If-None-Match", put.Headers.ETag!.Tag); // the upsert collides with the existing document
            var refused = await client.PutAsJsonAsync("/users/ana@example.org", new { name = "Ana" }, Cancel);
            Assert.Equal(HttpStatusCode.PreconditionFailed, refused.StatusCode);
        }

        var failed = _spans.Where(span => span.Status == ActivityStatusCode.Error).ToList();
        Assert.NotEmpty(failed);
        Assert.All(failed, span =>
        {
            Assert.DoesNotContain(span.TagObjects, tag => tag.Value?.ToString()?.Contains("ana@example.org", StringComparison.Ordinal) == true);
            Assert.Null(span.StatusDescription);
        });
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")] // as Aspire sets it for the projects that it starts
    public async Task The_query_leaves_no_span_with_what_a_client_wrote_in_it(string isUnredacted)
    {
        await using (var api = Api(
            ("OTEL_DOTNET_EXPERIMENTAL_ASPNETCORE_DISABLE_URL_QUERY_REDACTION", isUnredacted),
            ("OTEL_DOTNET_EXPERIMENTAL_HTTPCLIENT_DISABLE_URL_QUERY_REDACTION", isUnredacted)))
        {
            // This client is traced, because its span is checked below.
            using var client = new HttpClient { BaseAddress = api.Address };
            var answer = await client.GetAsync("/users?limit=1&after=ana@example.org&bo@example.org", Cancel);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, answer.StatusCode);
        }

        var caller = _spans.Single(span => span.GetTagItem("url.full") is not null);
        Assert.Equal("GET /users", Server.DisplayName);
        Assert.Equal("/users", Server.GetTagItem("url.path"));
        Assert.EndsWith("/users", (string)caller.GetTagItem("url.full")!);
        Assert.DoesNotContain(_spans.SelectMany(span => span.TagObjects), tag => $"{tag.Value}".Contains("example.org", StringComparison.Ordinal));
    }

    private Activity Server => _spans.Single(span => span.Kind == ActivityKind.Server);

    private Activity Child => _spans.First(span => span.Kind == ActivityKind.Client && span.ParentSpanId == Server.SpanId);

    private static IEnumerable<string> Describe(IEnumerable<Activity> spans) =>
        spans.Select(span => $"{span.DisplayName} ({span.Kind})").Order(StringComparer.Ordinal);

    // The API runs in the test's process, so the test's own client must not be traced.
    private static HttpClient Client(ApiFactory api) =>
        new(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = api.Address };

    private static HttpClient Client(ApiFactory api, bool sampled)
    {
        var client = Client(api);
        client.DefaultRequestHeaders.Add("traceparent", $"00-{TraceId}-{SpanId}-{(sampled ? "01" : "00")}");
        client.DefaultRequestHeaders.Add("tracestate", "vendor=1");
        client.DefaultRequestHeaders.Add("baggage", "user=ana");
        return client;
    }

    private ApiFactory Api(params (string, string)[] settings) => new([.. settings, ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")])
    {
        Configure = services => services.ConfigureOpenTelemetryTracerProvider(tracing => tracing.AddInMemoryExporter(_spans)),
    };
}
