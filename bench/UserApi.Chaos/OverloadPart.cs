using System.Diagnostics;
using UserApi.MongoWire;

namespace UserApi.Chaos;

/// <summary>Ten times the API's capacity, for a minute.</summary>
internal static class OverloadPart
{
    private const int Factor = 10;
    private const int Users = 1000;
    private const int Connections = 2000;
    private const double Share = 0.25;

    // All connections come from one address.
    private static readonly (string Name, string Value) s_manyConnections = ("Limits__MaxConnectionsPerAddress", $"{2 * Connections}");
    private static readonly TimeSpan s_overload = TimeSpan.FromMinutes(1);

    public static async Task RunAsync(Report report, CancellationToken cancellationToken)
    {
        await ProcessorBoundAsync(report, cancellationToken);
        await DatabaseBoundAsync(report, cancellationToken);
    }

    /// <summary>On a quarter of a CPU, like the smallest task of AWS Fargate, so that one machine can offer ten times the capacity.</summary>
    private static async Task ProcessorBoundAsync(Report report, CancellationToken cancellationToken)
    {
        const string Name = "overload, ¼ processor";
        using var cpu = CpuShare.TryCreate(Share);
        if (cpu is null)
        {
            report.Skip(Name, "ten times what it can serve", "bounding the API's processor time by a control group needs root");
            return;
        }

        using var folder = new WorkFolder();
        await using var api = ApiProcess.Start([.. ApiProcess.Embedded(folder["users.db"]), ApiProcess.SmallHeap, s_manyConnections], cpu: cpu);
        await SeedAsync(api, cancellationToken);

        // JIT compilation of the first requests takes minutes on so little CPU.
        cpu.Set(2);
        await WarmUpAsync(api, 64, cancellationToken);
        cpu.Set(Share);
        await MeasureAsync(report, Name, api, callers: 64, cancellationToken);
    }

    private static async Task DatabaseBoundAsync(Report report, CancellationToken cancellationToken)
    {
        await using var database = await MongoWireServer.StartAsync();
        await using var api = ApiProcess.Start([.. ApiProcess.MongoDb(database.ConnectionString), ApiProcess.SmallHeap, s_manyConnections]);
        await SeedAsync(api, cancellationToken);
        database.Latency = TimeSpan.FromMilliseconds(500);
        await WarmUpAsync(api, 200, cancellationToken);
        await MeasureAsync(report, "overload, database answers in 500 ms", api, callers: 200, cancellationToken);
    }

    private static async Task MeasureAsync(Report report, string name, ApiProcess api, int callers, CancellationToken cancellationToken)
    {
        var mixed = new Load(api.Port, Request);
        var before = await mixed.ServeAsync(callers, TimeSpan.FromSeconds(10), cancellationToken);

        // A first overload, not counted, loads the code and the buffers that only an overload needs.
        await mixed.OfferAsync(Factor * before.AcceptedPerSecond, s_overload, Connections, cancellationToken);
        using var sampling = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var sampler = new Sampler();
        var samples = sampler.RunAsync(api, null, TimeSpan.FromMilliseconds(500), sampling.Token);
        var probes = ProbeAsync(api, sampling.Token);
        var during = await mixed.OfferAsync(Factor * before.AcceptedPerSecond, s_overload, Connections, cancellationToken);
        await sampling.CancelAsync();
        await samples;
        var (slowestProbe, failedProbes) = await probes;

        await Task.Delay(TimeSpan.FromSeconds(2), cancellationToken);
        var after = await mixed.ServeAsync(callers, TimeSpan.FromSeconds(5), cancellationToken);

        var p99 = during.Accepted.Percentile(0.99);
        report.Add(
            name, $"{Factor} × capacity for a minute: what is accepted is answered within 3 s (p99)", during.Accepted.Count > 0 && p99 < 3000,
            $"capacity {before.AcceptedPerSecond:0}/s (p99 {before.Accepted.Percentile(0.99):0} ms); offered {Factor * before.AcceptedPerSecond:0}/s: accepted {during.AcceptedPerSecond:0}/s, p50 {during.Accepted.Percentile(0.5):0} ms, p99 {p99:0} ms");
        report.Add(
            name, "the rest is a 503 with Retry-After within 2 s (p99), nothing is cut",
            during.Refused.Count > 0 && during.Refused.Percentile(0.99) < 2000 && during.RefusedWithoutRetryAfter + during.Failed + during.Other == 0,
            $"{during.Refused.Count / during.Duration.TotalSeconds:0}/s refused, p50 {during.Refused.Percentile(0.5):0} ms, p99 {during.Refused.Percentile(0.99):0} ms; {during.RefusedWithoutRetryAfter} without Retry-After, {during.Failed} cut, {during.Other} other; {during.Unsent / during.Duration.TotalSeconds:0}/s never sent, for all {Connections} connections waited");
        var rise = sampler.Memory.Rise(15);
        report.Add(
            name, "memory is flat with a heap of 80 MiB (from second 15 on it rises by less than a tenth)", rise < sampler.Memory.Mean(15) / 10,
            $"{sampler.Memory.Mean(15):0} MiB, {rise:+0.0;-0.0} MiB in {s_overload.TotalSeconds - 15:0} s, at most {sampler.Memory.Points.Max(point => point.Value):0} MiB");
        report.Add(name, "`/alive` is 200 within 2 s meanwhile", failedProbes == 0 && slowestProbe < 2000, $"slowest {slowestProbe:0} ms, {failedProbes} failed");
        report.Add(
            name, "full speed again 2 s after", after.AcceptedPerSecond > 0.8 * before.AcceptedPerSecond && after.Refused.Count + after.Failed == 0,
            $"{after.AcceptedPerSecond:0}/s (before {before.AcceptedPerSecond:0}/s), {after.Refused.Count} × 503");
    }

    /// <summary>Four reads per write.</summary>
    private static byte[] Request(long number) => number % 5 == 0
        ? HttpConnection.Request("PUT", $"/users/u{number / 5 % Users}", StampedUser.Body(number))
        : HttpConnection.Request("GET", $"/users/u{number % Users}");

    private static async Task SeedAsync(ApiProcess api, CancellationToken cancellationToken)
    {
        await api.ReadyAsync(cancellationToken);
        using var connection = await HttpConnection.OpenAsync(api.Port, cancellationToken);
        for (var user = 0; user < Users; user++)
        {
            await connection.SendAsync(HttpConnection.Request("PUT", $"/users/u{user}", StampedUser.Body(user)), cancellationToken);
        }
    }

    /// <summary>Loads the API until it gets no faster, because the runtime recompiles hot methods for a while.</summary>
    private static async Task WarmUpAsync(ApiProcess api, int callers, CancellationToken cancellationToken)
    {
        var load = new Load(api.Port, Request);
        var (before, now) = (0.0, 1.0);
        while (now > 1.05 * before)
        {
            (before, now) = (now, (await load.ServeAsync(callers, TimeSpan.FromSeconds(15), cancellationToken)).AcceptedPerSecond);
        }
    }

    /// <summary>Probes like a load balancer.</summary>
    private static async Task<(double Slowest, int Failed)> ProbeAsync(ApiProcess api, CancellationToken stop)
    {
        var (slowest, failed) = (0.0, 0);
        try
        {
            while (true)
            {
                var start = Stopwatch.GetTimestamp();
                failed += await api.StatusAsync("/alive", stop) == 200 ? 0 : 1;
                slowest = Math.Max(slowest, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
                await Task.Delay(500, stop);
            }
        }
        catch (OperationCanceledException)
        {
            return (slowest, failed);
        }
    }
}
