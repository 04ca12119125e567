using System.Globalization;
using System.Text.Json;

namespace UserApi.Bench;

/// <summary>Kinds of load.</summary>
internal enum Workload
{
    Get,

    /// <summary>With <c>Prefer: return=minimal</c>.</summary>
    Put,

    /// <summary>The default: the response has the user.</summary>
    PutAnswered,

    /// <summary>A page of 50 users.</summary>
    Page,

    /// <summary>Nine GETs to one PUT.</summary>
    Mix,

    /// <summary>GETs of a caller that is over its limit.</summary>
    Refused,
}

/// <summary>
/// The counts of a load generator, and the CPU time and highest memory of the loaded program. Times are in microseconds, memory is in
/// bytes.
/// </summary>
/// <param name="Requests">The responses of any status.</param>
/// <param name="Microseconds">How long the load lasted.</param>
/// <param name="Errors">Connections that failed, and requests without a response.</param>
/// <param name="Refused">Responses with a status above 399.</param>
/// <param name="Wrong">Responses that are not what was asked for, where they are checked.</param>
/// <param name="P50">The median latency.</param>
/// <param name="P99">The 99th percentile of the latency.</param>
/// <param name="Cpu">Processor time of the loaded program.</param>
/// <param name="Peak">The most memory that the loaded program had.</param>
internal sealed record Load(
    long Requests, double Microseconds, long Errors, long Refused, long Wrong, double P50, double P99, double Cpu = 0, long Peak = 0)
{
    /// <summary>0 where the turn failed: a figure of it would be of another load.</summary>
    public double RequestsPerSecond => HasFailed ? 0 : Requests / Microseconds * 1e6;

    public double CpuPerRequest => Cpu / Math.Max(1, Requests);

    /// <summary>Whether the program did not answer every request.</summary>
    public bool HasFailed => Requests == 0 || Errors > 0;
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
        return Judge(
            load with { Cpu = (server.Process.CpuTime - before).TotalMicroseconds, Peak = server.Process.PeakBytes },
            $"{server.Name}, {workload}",
            isRefused: workload == "refused");
    }

    /// <summary>Parses a load generator's line of JSON.</summary>
    public static Load Parse(string output) =>
        JsonSerializer.Deserialize<Load>(output.Split('\n').Last(line => line.StartsWith('{')), JsonSerializerOptions.Web)!;

    /// <summary>Ends the run where a response was wrong. Whatever else a contender has trouble with is a figure of 0 in its own row.</summary>
    /// <param name="load">What was counted.</param>
    /// <param name="what">Of which contender and workload.</param>
    /// <param name="isRefused">Whether responses must be refusals; otherwise each refusal counts as an error.</param>
    public static Load Judge(Load load, string what, bool isRefused) => load switch
    {
        { Wrong: > 0 } => throw new InvalidOperationException($"{what}: {load.Wrong} of {load.Requests} responses were wrong."),
        // The limit lets one request a second through.
        _ when isRefused => load with { Errors = load.Errors + (load.Refused > 0.99 * load.Requests ? 0 : load.Requests - load.Refused) },
        _ => load with { Errors = load.Errors + load.Refused },
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
