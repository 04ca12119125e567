using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace UserApi.Bench;

/// <summary>Writes the result of a run as Markdown.</summary>
internal sealed class Report(Options options, string database)
{
    private const double MiB = 1024 * 1024;

    private readonly StringBuilder _text = new();

    public string Write(
        IReadOnlyList<Target> targets,
        IReadOnlyList<Row> rows,
        IReadOnlyList<StartupRow> starts,
        IReadOnlyList<GrowthRow> growth,
        IReadOnlyList<string> missing)
    {
        Line($"# {(options.IsQuick ? "A quick run" : "A run")} of bench/run");
        Line($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {Processor()}, {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, "
            + $"{RuntimeInformation.FrameworkDescription}. MongoDB is {database}.");
        Line($"{options.Rounds} rounds in turns, {options.Duration.TotalSeconds} s each, {options.Users:n0} users; median (least to most).");
        if (options.NoReadyToRun is { } reason)
        {
            Line($"ReadyToRun is not available here, and the API runs without: {reason}");
        }

        missing.ToList().ForEach(Line);

        Line("## What it must reach");
        Table(
            ["at 64 connections", "asked", "this run", ""],
            targets.Select(target => new[]
            {
                target.What,
                $"{(target.Bound.IsLeast ? "at least" : "at most")} {target.Bound.Limit} {target.Bound.Unit}".TrimEnd(),
                target.Value is { } value ? $"{value:0.00} {target.Bound.Unit}".TrimEnd() : "",
                target.Value is null ? "not measured" : target.IsReached ? "reached" : $"**not reached**: {target.Reason}".TrimEnd(':', ' '),
            }));
        WriteLoads(rows);
        WriteStarts(starts);
        WriteGrowth(growth);
        return _text.ToString();
    }

    private void WriteLoads(IReadOnlyList<Row> rows)
    {
        foreach (var load in rows.GroupBy(row => (row.Workload, row.Connections)))
        {
            Line($"## {Chart.Title(load.Key.Workload)}, {load.Key.Connections} {(load.Key.Connections == 1 ? "connection" : "connections")}; MongoDB is {database}");
            Table(
                ["", "requests/s", "p50, ms", "p99, ms", "CPU, µs a request", "peak memory, MiB"],
                load.OrderByDescending(row => row.Median(round => round.RequestsPerSecond)).Select(row => new[]
                {
                    row.Contender + (row.Rounds.Count(round => round.HasFailed) is > 0 and var failed ? $" ({failed} turns failed)" : ""),
                    Spread(row.Rounds.Select(round => round.RequestsPerSecond), "n0"),
                    Spread(row.Rounds.Select(round => round.P50 / 1000), "0.00"),
                    Spread(row.Rounds.Select(round => round.P99 / 1000), "0.00"),
                    Spread(row.Rounds.Select(round => round.CpuPerRequest), "0"),
                    Spread(row.Rounds.Select(round => round.Peak / MiB), "0"),
                }));
        }
    }

    private void WriteStarts(IReadOnlyList<StartupRow> starts)
    {
        if (starts.Count > 0)
        {
            Line($"## Cold start to the first user answered, and memory when idle; MongoDB is {database}");
            Table(["", "seconds", "idle, MiB"], starts.Select(start => new[]
            {
                start.Contender,
                Spread(start.Seconds, "0.00"),
                Spread(start.IdleBytes.Select(bytes => bytes / MiB), "0"),
            }));
        }
    }

    private void WriteGrowth(IReadOnlyList<GrowthRow> growth)
    {
        if (growth.Count > 0)
        {
            Line($"## Growth: requests/s by the number of users; MongoDB is {database}");
            Table(
                ["", .. Growth.Sizes.Select(users => $"{users:n0}"), "cost, greatest against least"],
                growth.GroupBy(row => (row.Store, row.Operation)).Select(operation => (string[])
                [
                    $"{operation.Key.Store}: {operation.Key.Operation}",
                    .. operation.Select(row => Spread(row.Rounds.Select(round => round.RequestsPerSecond), "n0")),
                    $"{operation.First().RequestsPerSecond / operation.Last().RequestsPerSecond:0.00}",
                ]));
        }
    }

    private static string Spread(IEnumerable<double> values, string format)
    {
        var all = values.ToArray();
        return $"{Text(Statistics.Median(all))} ({Text(all.Min())} to {Text(all.Max())})";

        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    private static string Processor() =>
        File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[1]
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    private void Table(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows)
    {
        Cells(head);
        Cells([.. head.Select((_, column) => column == 0 ? "---" : "---:")]);
        foreach (var row in rows)
        {
            Cells(row);
        }

        _text.Append('\n');

        void Cells(IEnumerable<string> cells) => _text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
    }

    private void Line(string text) => _text.Append(text).Append("\n\n");
}
