using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OpenTelemetry.Metrics;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Telemetry;

[Collection(nameof(ProcessWideTelemetry))]
public class MetricsTests
{
    private readonly List<Metric> _metrics = [];

    [Fact]
    public async Task Writes_conflicts_and_the_time_of_the_store_are_counted_beside_the_metrics_of_the_platform()
    {
        await using var api = new ApiFactory(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"))
        {
            Configure = services => services.ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddInMemoryExporter(_metrics)),
        };
        using var client = api.CreateClient();
        var cancel = TestContext.Current.CancellationToken;
        await client.GetAsync("/alive", cancel);
        await client.PutAsJsonAsync("/users/ana", new { name = "Ana" }, cancel);
        await client.PutAsJsonAsync("/users/ana", new { name = "Ana Lima" }, cancel);
        await client.DeleteAsync("/users/ana", cancel);
        client.DefaultRequestHeaders.IfMatch.Add(EntityTagHeaderValue.Any);
        await client.PutAsJsonAsync("/users/ana", new { name = "Ana" }, cancel);

        // This returns false, because nothing listens at the endpoint.
        api.Services.GetRequiredService<MeterProvider>().ForceFlush();
        Assert.Equal(
            ["create 1", "delete 1", "replace 1"],
            Points("userapi.users.written").Select(point => $"{Tag(point, "operation")} {point.GetSumLong()}").Order());
        Assert.Equal(1, Points("userapi.users.conflicts").Single().GetSumLong());
        var durations = Points("db.client.operation.duration").ToDictionary(point => Tag(point, "db.operation.name"), point => point.GetHistogramCount());
        Assert.Equal(3, durations["put"]);
        Assert.Equal(1, durations["delete"]);
        Assert.All(Points("db.client.operation.duration"), point => Assert.Equal("sqlite", Tag(point, "db.system.name")));
        Assert.DoesNotContain(Points("http.server.request.duration"), point => Tag(point, "http.route") == "/alive");
        Assert.NotEmpty(Points("http.server.request.duration"));
        Assert.NotEmpty(Points("kestrel.active_connections"));
        Assert.NotEmpty(Points("dotnet.gc.collections"));
    }

    [Fact]
    public async Task Users_that_cannot_be_read_are_counted_each_time_and_warned_of_once()
    {
        using var folder = new TemporaryFolder();
        using var log = new LogCollector();
        var cancel = TestContext.Current.CancellationToken;
        await using var api = new ApiFactory(("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("Store:Path", folder.File("users.db")))
        {
            Configure = services => services
                .AddSingleton<ILoggerProvider>(log)
                .ConfigureOpenTelemetryMeterProvider(metrics => metrics.AddInMemoryExporter(_metrics)),
        };
        using var client = api.CreateClient();
        await client.PutAsJsonAsync("/users/ana", new { name = "Ana" }, cancel);
        using (var file = new SqliteConnection($"Data Source={folder.File("users.db")};Pooling=false"))
        {
            file.Open();
            using var damage = new SqliteCommand("UPDATE users SET body = 'no JSON'", file);
            damage.ExecuteNonQuery();
        }

        Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync("/users/ana", cancel)).StatusCode);
        Assert.Equal("""{"items":[],"next":null}""", await client.GetStringAsync("/users", cancel));

        api.Services.GetRequiredService<MeterProvider>().ForceFlush();
        Assert.Equal(2, Points("userapi.users.unreadable").Single().GetSumLong());
        Assert.Single(log.Lines, line => line.Contains("userapi.users.unreadable", StringComparison.Ordinal));
        Assert.DoesNotContain(log.Lines, line => line.Contains("no JSON", StringComparison.Ordinal));
    }

    private List<MetricPoint> Points(string name)
    {
        var points = new List<MetricPoint>();
        foreach (ref readonly var point in _metrics.Last(metric => metric.Name == name).GetMetricPoints())
        {
            points.Add(point);
        }

        return points;
    }

    private static string Tag(MetricPoint point, string name)
    {
        foreach (var tag in point.Tags)
        {
            if (tag.Key == name)
            {
                return tag.Value?.ToString() ?? "";
            }
        }

        return "";
    }
}
