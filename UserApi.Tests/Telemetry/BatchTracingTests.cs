using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Trace;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;
using UserApi.Tests.Reliability;

namespace UserApi.Tests.Telemetry;

/// <summary>Sampled requests are batched, too, and their traces lead to the command that served them.</summary>
[Collection(nameof(Alone))]
public sealed class BatchTracingTests : IAsyncLifetime
{
    private const int Requests = 40;

    private readonly List<Activity> _spans = [];
    private readonly ActivitySource _requests = new("requests");
    private MongoWireServer _server = null!;
    private StoreHost _host = null!;
    private TracerProvider _tracing = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await MongoWireServer.StartAsync();
        _host = new(TimeProvider.System, ("ConnectionStrings:users", _server.ConnectionString), ("Store:Timeout", "00:00:20"));
        await _host.Store.PingAsync(Cancel);
        _tracing = Sdk.CreateTracerProviderBuilder()
            .AddSource("requests", InstrumentedUserStore.TelemetryName, "MongoDB.Driver").AddInMemoryExporter(_spans).Build();
    }

    public async ValueTask DisposeAsync()
    {
        _tracing.Dispose();
        _requests.Dispose();
        _host.Dispose();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("find", "find")]
    [InlineData("put", "update")]
    public async Task Each_of_several_requests_has_a_span_and_all_are_linked_with_that_of_their_command(string operation, string command)
    {
        var before = _server.CommandCount(command);

        await SendTogetherAsync(operation, ActivityTraceFlags.Recorded);

        Assert.InRange(_server.CommandCount(command) - before, 1, 3);
        var requests = _spans.Where(span => span.Source.Name == "requests").ToDictionary(span => span.SpanId);
        var clients = _spans.Where(span => span.DisplayName == $"{operation} users").ToList();
        var batches = _spans.Where(span => span.DisplayName == $"BATCH {operation} users").ToDictionary(span => span.SpanId);
        Assert.Equal(Requests, requests.Count);
        Assert.NotEmpty(batches);
        Assert.All(clients, span =>
        {
            Assert.Equal(ActivityKind.Client, span.Kind);
            Assert.Equal(requests[span.ParentSpanId].TraceId, span.TraceId);
            var batch = batches[Assert.Single(span.Links).Context.SpanId];
            Assert.Contains(batch.Links, link => link.Context.SpanId == span.SpanId);
            Assert.Contains(_spans, each => each.Source.Name == "MongoDB.Driver" && each.ParentSpanId == batch.SpanId);
        });
        Assert.All(batches.Values, batch => Assert.Equal(batch.GetTagItem("db.operation.batch.size"), batch.Links.Count()));

        // A request without its own batch span was alone in its batch and has the driver's span.
        var alone = requests.Keys.Except(clients.Select(span => span.ParentSpanId));
        Assert.All(alone, request => Assert.Contains(_spans, span => span.Source.Name == "MongoDB.Driver" && span.ParentSpanId == request));
    }

    [Fact]
    public async Task What_is_not_sampled_leaves_no_span_of_a_command()
    {
        await SendTogetherAsync("find", ActivityTraceFlags.None);

        Assert.DoesNotContain(_spans, span => span.Source.Name != "requests");
    }

    /// <summary>Sends requests that wait for a CPU at the same time.</summary>
    private async Task SendTogetherAsync(string operation, ActivityTraceFlags flags)
    {
        await Together.StartAsync(Requests, async i =>
        {
            using var request = flags == ActivityTraceFlags.Recorded
                ? _requests.StartActivity("request", ActivityKind.Server)
                : new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
            var id = UserId.TryParse($"u{i}", out var parsed, out _) ? parsed : default;
            await (operation == "find"
                ? (Task)_host.Store.FindAsync(id, Cancel).AsTask()
                : _host.Store.PutAsync(id, new("Ana"), default, returnUser: false, Cancel).AsTask());
            return true;
        });
        _tracing.ForceFlush();
    }
}
