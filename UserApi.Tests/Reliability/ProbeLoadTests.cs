using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Reliability;

/// <summary>Probes need no token and have no limit: a thousand connections with probes must not take the database or the log from others.</summary>
[Collection(nameof(Alone))]
public sealed class ProbeLoadTests(ITestOutputHelper output)
{
    private const int Connections = 1_000;

    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(3);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/")]
    [InlineData("/health")]
    public async Task A_thousand_connections_on_a_probe_take_neither_the_database_nor_the_log_from_the_others(string probe)
    {
        await using var mongo = await MongoWireServer.StartAsync();
        var log = new LogCollector();
        await using var api = new ApiFactory(
            ("ConnectionStrings:users", mongo.ConnectionString), ("Logging:LogLevel:Default", "Information"), ("Limits:MaxConcurrentRequests", "1000"))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = new HttpClient { BaseAddress = api.Address };
        await client.Put("ana").Is(HttpStatusCode.Created);
        mongo.Latency = TimeSpan.FromMilliseconds(20); // with a check per probe, 1,000 would run at the same time

        var (asked, statuses) = await WithProbesAsync(api.Address, probe, () => client.Get("ana"));

        output.WriteLine($"{probe}: {asked} probes, {statuses.Sum(status => status.Value)} requests of others: {string.Join(", ", statuses)}");
        Assert.Equal([HttpStatusCode.OK], statuses.Keys);
        Assert.InRange(asked, Connections, int.MaxValue);

        var before = log.Lines.Count;
        mongo.Stop();
        (asked, statuses) = await WithProbesAsync(api.Address, probe, () => client.Get("ana"));

        var lines = log.Lines.Skip(before).Where(line => !line.StartsWith("Debug", StringComparison.Ordinal)).ToList();
        output.WriteLine($"{probe} without a database: {asked} probes, {lines.Count} lines, {lines.Sum(line => line.Length)} characters");
        Assert.Equal([HttpStatusCode.ServiceUnavailable], statuses.Keys);
        Assert.Single(lines, line => line.Contains("UserApi.Api", StringComparison.Ordinal));
        Assert.InRange(lines.Sum(line => line.Length), 1, 5_000);
    }

    /// <summary>Sends probes on all connections at once, again and again, while another client sends a request every 50 ms.</summary>
    private static async Task<(int Asked, Dictionary<HttpStatusCode, int> Statuses)> WithProbesAsync(
        Uri address, string probe, Func<Task<HttpResponseMessage>> request)
    {
        var asked = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var probes = Enumerable.Range(0, Connections).Select(_ => Task.Run(ProbeAsync, Cancel)).ToList();
        while (Volatile.Read(ref asked) < Connections && !probes.Any(task => task.IsCompleted))
        {
            await Task.Delay(10, Cancel);
        }

        var statuses = new Dictionary<HttpStatusCode, int>();
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < s_duration)
        {
            using var response = await request();
            statuses[response.StatusCode] = statuses.GetValueOrDefault(response.StatusCode) + 1;
            await Task.Delay(50, Cancel);
        }

        await stop.CancelAsync();
        await Task.WhenAll(probes);
        return (asked, statuses);

        async Task ProbeAsync()
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await socket.ConnectAsync(address.Host, address.Port, Cancel);
            var question = Encoding.ASCII.GetBytes($"GET {probe} HTTP/1.1\r\nHost: localhost\r\n\r\n");
            var answer = new byte[4096];
            while (!stop.IsCancellationRequested)
            {
                await socket.SendAsync(question, Cancel);
                Assert.NotEqual(0, await socket.ReceiveAsync(answer, Cancel));
                Interlocked.Increment(ref asked);
            }
        }
    }
}
