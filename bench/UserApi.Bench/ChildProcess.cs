using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace UserApi.Bench;

/// <summary>A command to start.</summary>
internal sealed record Command(string FileName, IReadOnlyList<string> Arguments)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public string? WorkingDirectory { get; init; }
}

/// <summary>A process that this program started, with its child processes; disposing ends all of them.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int LastLines = 20;
    private const double TicksPerSecond = 100; // USER_HZ, the unit of /proc on every Linux

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly Command _command;

    private ChildProcess(Command command, bool readsOutput)
    {
        _command = command;
        var start = new ProcessStartInfo(command.FileName, command.Arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = command.WorkingDirectory ?? "",
        };
        foreach (var (name, value) in command.Environment)
        {
            start.Environment[name] = value;
        }

        Started = Stopwatch.GetTimestamp();
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
        if (!readsOutput)
        {
            _process.OutputDataReceived += (_, line) => Keep(line.Data);
            _process.BeginOutputReadLine();
        }
    }

    public long Started { get; }

    public bool HasExited => _process.HasExited;

    public StreamReader Output => _process.StandardOutput;

    /// <summary>User and system time, including ended children.</summary>
    public TimeSpan CpuTime => TimeSpan.FromSeconds(Tree().Sum(Ticks) / TicksPerSecond);

    /// <summary>The memory of all its processes, in bytes; shared memory counts for each.</summary>
    public long ResidentBytes => Tree().Sum(id => Status(id, "VmRSS:"));

    /// <summary>The highest resident memory since <see cref="ForgetPeak"/>, in bytes.</summary>
    public long PeakBytes => Tree().Sum(id => Status(id, "VmHWM:"));

    public static ChildProcess Start(Command command) => new(command, readsOutput: false);

    /// <summary>Starts a process whose <see cref="Output"/> the caller reads.</summary>
    public static ChildProcess StartWithOutput(Command command) => new(command, readsOutput: true);

    /// <summary>Runs a process to its end and returns its output.</summary>
    public static async Task<string> RunAsync(Command command, CancellationToken cancellationToken)
    {
        using var process = StartWithOutput(command);
        var output = await process.Output.ReadToEndAsync(cancellationToken);
        await process._process.WaitForExitAsync(cancellationToken);
        return process._process.ExitCode == 0 ? output : throw process.Failure($"ended with {process._process.ExitCode}");
    }

    public InvalidOperationException Failure(string what) =>
        new($"'{_command.FileName} {string.Join(' ', _command.Arguments)}' {what}:\n{string.Join('\n', _errors)}");

    public void ForgetPeak()
    {
        foreach (var id in Tree())
        {
            File.WriteAllText($"/proc/{id}/clear_refs", "5");
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private static double Ticks(int id)
    {
        // Reads after the name, which may contain anything: utime, stime, cutime and cstime are fields 14 to 17.
        var stat = File.ReadAllText($"/proc/{id}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[11..15].Sum(field => double.Parse(field, CultureInfo.InvariantCulture));
    }

    private static long Status(int id, string field)
    {
        var line = File.ReadLines($"/proc/{id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal));
        return 1024 * long.Parse(line[field.Length..^"kB".Length], CultureInfo.InvariantCulture);
    }

    private static IEnumerable<int> Tree(int id)
    {
        var children = Directory.EnumerateDirectories($"/proc/{id}/task")
            .SelectMany(task => File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Select(child => int.Parse(child, CultureInfo.InvariantCulture));
        return children.SelectMany(Tree).Prepend(id);
    }

    private IEnumerable<int> Tree() => Tree(_process.Id);

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _errors.Enqueue(line);
            while (_errors.Count > LastLines)
            {
                _errors.TryDequeue(out _);
            }
        }
    }
}
