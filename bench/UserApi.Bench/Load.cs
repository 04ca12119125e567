using System.Globalization;
using System.Text.Json;

namespace UserApi.Bench;

/// <summary>Kinds of load.</summary>
internal enum Workload
{
    Get,
    Put,
    Mix,
}

/// <summary>
/// The counts of a load generator, and the CPU time and highest memory of the loaded program. Times are in microseconds, memory is in
/// bytes.
/// </summary>
internal sealed record Load(long Requests, double Microseconds, long Errors, long Wrong, double P50, double P99, double Cpu = 0, long Peak = 0)
{
    public double RequestsPerSecond => Requests / Microseconds * 1e6;

    public double CpuPerRequest => Cpu / Requests;
}

/// <summary>wrk, with <c>wrk.lua</c>.</summary>
internal static class Wrk
{
    private static readonly string s_script = Path.Combine(AppContext.BaseDirectory, "wrk.lua");

    /// <param name="server">The loaded program.</param>
    /// <param name="workload">A <see cref="Workload"/> or a path.</param>
    /// <param name="users">How many users there are.</param>
    /// <param name="connections">How many requests are in progress at any time.</param>
    /// <param name="duration">The duration of the load.</param>
    /// <param name="checks">Whether every response is checked, which is slower.</param>
    /// <param name="cancellationToken">Stops the load.</param>
    public static async Task<Load> RunAsync(
        Server server, string workload, int users, int connections, TimeSpan duration, bool checks, CancellationToken cancellationToken)
    {
        // wrk accepts whole seconds only.
        var seconds = (int)Math.Ceiling(duration.TotalSeconds);
        var command = new Command("wrk",
        [
            "--threads", "1", "--connections", Text(connections), "--duration", $"{seconds}s", "--timeout", "10s",
            "--script", s_script, server.Address, "--", workload, Text(users), checks ? "check" : "trust",
        ]);
        server.Process.ForgetPeak();
        var before = server.Process.CpuTime;
        var load = Parse(await ChildProcess.RunAsync(command, cancellationToken));
        return Require(
            load with { Cpu = (server.Process.CpuTime - before).TotalMicroseconds, Peak = server.Process.PeakBytes }, $"{server.Name}, {workload}");
    }

    /// <summary>Parses a load generator's line of JSON.</summary>
    public static Load Parse(string output) =>
        JsonSerializer.Deserialize<Load>(output.Split('\n').Last(line => line.StartsWith('{')), JsonSerializerOptions.Web)!;

    /// <summary>Fails if responses were wrong, because figures for wrong responses mean nothing.</summary>
    public static Load Require(Load load, string what) => load is { Requests: > 0, Errors: 0, Wrong: 0 }
        ? load
        : throw new InvalidOperationException($"{what}: {load.Requests} answers, of which {load.Errors} errors and {load.Wrong} wrong.");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
