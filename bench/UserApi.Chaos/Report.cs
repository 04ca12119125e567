using System.Globalization;

namespace UserApi.Chaos;

/// <summary>Promises, what was observed, and whether the promises were kept.</summary>
internal sealed class Report
{
    private readonly List<(string Part, string Promise, string Seen, string Verdict)> _rows = [];

    public bool IsBroken { get; private set; }

    public void Add(string part, string promise, bool holds, FormattableString seen)
    {
        IsBroken |= !holds;
        Add(part, promise, holds ? "kept" : "BROKEN", seen.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Reports that a promise could not be tested on this machine.</summary>
    public void Skip(string part, string promise, string reason) => Add(part, promise, "SKIPPED", reason);

    public void Print()
    {
        Console.WriteLine();
        Console.WriteLine("| part | promise | seen | |");
        Console.WriteLine("|---|---|---|---|");
        foreach (var (part, promise, seen, verdict) in _rows)
        {
            Console.WriteLine($"| {part} | {promise} | {seen} | {verdict} |");
        }
    }

    private void Add(string part, string promise, string verdict, string seen)
    {
        _rows.Add((part, promise, seen, verdict));
        Console.WriteLine($"{verdict,-7} {part}: {promise}: {seen}");
    }
}
