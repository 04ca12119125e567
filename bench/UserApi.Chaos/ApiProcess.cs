using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace UserApi.Chaos;

/// <summary>The published API in a separate process, on a port of 127.0.0.1.</summary>
internal sealed class ApiProcess : IAsyncDisposable
{
    /// <summary>
    /// Limits the managed heap to 80 MiB (the value is hexadecimal). Without a limit, such as a container's, the server garbage collector uses
    /// much of a large machine's memory, and that could not be told from a leak.
    /// </summary>
    public static readonly (string Name, string Value) SmallHeap = ("DOTNET_GCHeapHardLimit", "5000000");

    private static readonly HttpClient s_http = new() { Timeout = TimeSpan.FromSeconds(5) };

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly long _started = Stopwatch.GetTimestamp();

    private ApiProcess(ProcessStartInfo start, int port)
    {
        Port = port;
        _process = new() { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The published program.</summary>
    public static string Program { get; set; } = "";

    public int Port { get; }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The last lines of its log.</summary>
    public string Log => string.Join('\n', _lines);

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    /// <param name="settings">Environment variables.</param>
    /// <param name="port">The port; null for any free port.</param>
    /// <param name="cpu">The maximum share of a CPU; null for no limit.</param>
    public static ApiProcess Start(IEnumerable<(string Name, string Value)> settings, int? port = null, CpuShare? cpu = null)
    {
        var address = port ?? FreePort();
        var start = cpu is null
            ? new ProcessStartInfo(Program)
            : new("/bin/sh", ["-c", "echo $$ > \"$0\" && exec \"$1\"", cpu.ProcessList, Program]);
        start.WorkingDirectory = Path.GetDirectoryName(Program); // where appsettings.json is
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["ASPNETCORE_URLS"] = $"http://127.0.0.1:{address}";
        start.Environment["Authentication__AllowAnonymous"] = "true";
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return new(start, address);
    }

    public static (string Name, string Value)[] Embedded(string path) => [("Store__Kind", "Embedded"), ("Store__Path", path)];

    public static (string Name, string Value)[] MongoDb(string connectionString) => [("ConnectionStrings__users", connectionString)];

    /// <summary>Waits until the API and its store respond.</summary>
    /// <returns>The time since the start of the process.</returns>
    public async Task<TimeSpan> ReadyAsync(CancellationToken cancellationToken)
    {
        while (!_process.HasExited)
        {
            if (await StatusAsync("/", cancellationToken) is not null)
            {
                return Stopwatch.GetElapsedTime(_started);
            }

            await Task.Delay(5, cancellationToken);
        }

        throw new InvalidOperationException($"The API ended with {_process.ExitCode}:\n{Log}");
    }

    /// <summary>The status of the response to GET; null when there is none.</summary>
    public async Task<int?> StatusAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            using var response = await s_http.GetAsync(new Uri($"http://127.0.0.1:{Port}{path}"), cancellationToken);
            return (int)response.StatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <summary>Kills the process, like <c>kill -9</c>.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>Sends SIGTERM.</summary>
    public void Terminate()
    {
        using var kill = Process.Start("kill", ["-TERM", Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <returns>The exit code; null if the process did not end within <paramref name="limit"/>.</returns>
    public async Task<int?> ExitAsync(TimeSpan limit)
    {
        using var timeout = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <summary>The resources of the process now, from /proc.</summary>
    public ProcessSample Sample()
    {
        var status = File.ReadLines($"/proc/{Id}/status").Select(line => line.Split(':', 2)).ToDictionary(pair => pair[0], pair => pair[1].Trim());
        return new(
            int.Parse(status["VmRSS"].Split(' ')[0], CultureInfo.InvariantCulture) / 1024.0,
            int.Parse(status["Threads"], CultureInfo.InvariantCulture),
            Directory.GetFileSystemEntries($"/proc/{Id}/fd").Length);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    private void Keep(string? line)
    {
        if (line is not null)
        {
            _lines.Enqueue(line);
            while (_lines.Count > 100)
            {
                _lines.TryDequeue(out _);
            }
        }
    }
}

/// <summary>The resources of a process at one moment.</summary>
internal readonly record struct ProcessSample(double MebibytesResident, int Threads, int Handles);

/// <summary>A control group that limits the CPU time of its processes.</summary>
internal sealed class CpuShare : IDisposable
{
    private readonly string _folder;

    private readonly bool _isVersion1;

    private CpuShare(string folder, bool isVersion1) => (_folder, _isVersion1) = (folder, isVersion1);

    public string ProcessList => Path.Combine(_folder, "cgroup.procs");

    /// <summary>Creates the group; null if this process may not.</summary>
    public static CpuShare? TryCreate(double processors)
    {
        var isVersion1 = Directory.Exists("/sys/fs/cgroup/cpu");
        var share = new CpuShare(Path.Combine(isVersion1 ? "/sys/fs/cgroup/cpu" : "/sys/fs/cgroup", $"userapi-chaos-{Environment.ProcessId}"), isVersion1);
        try
        {
            Directory.CreateDirectory(share._folder);
            share.Set(processors);
            return share;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Set(double processors)
    {
        const int Period = 100_000;
        var quota = (int)(processors * Period);
        if (_isVersion1)
        {
            File.WriteAllText(Path.Combine(_folder, "cpu.cfs_quota_us"), $"{quota}");
        }
        else
        {
            File.WriteAllText(Path.Combine(_folder, "cpu.max"), $"{quota} {Period}");
        }
    }

    public void Dispose() => Directory.Delete(_folder);
}
