using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace UserApi.Tests.Infrastructure;

/// <summary>
/// The API in its own process, at a free loopback port. It inherits no settings from this process. A setting whose key begins with
/// <c>--</c> becomes an argument, any other an environment variable, which null removes.
/// </summary>
internal sealed partial class ApiProcess : IAsyncDisposable
{
    /// <summary>The key of the setting that names the working directory. Default: the program's folder.</summary>
    public const string CurrentFolder = ".";

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(60);
    private static readonly string[] s_settings =
    [
        "ASPNETCORE_", "DOTNET_ENVIRONMENT", "DOTNET_CONTENTROOT", "OTEL_", "ConnectionStrings__", "Store__", "Users__", "Limits__", "Logging__",
        "Authentication__", "Audit__", "Cors__", "ForwardedHeaders__", "Telemetry__",
    ];

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly TaskCompletionSource<Uri?> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ApiProcess(string program, IEnumerable<(string Key, string? Value)> settings, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = settings.FirstOrDefault(setting => setting.Key == CurrentFolder).Value ?? AppContext.BaseDirectory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(IsSetting).ToList())
        {
            start.Environment.Remove(name);
        }

        // A killed process would leave its debugger pipes behind.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        foreach (var (key, value) in settings.Where(setting => setting.Key != CurrentFolder))
        {
            if (key.StartsWith("--", StringComparison.Ordinal))
            {
                start.ArgumentList.Add($"{key}={value}");
            }
            else
            {
                start.Environment[key] = value;
            }
        }

        _process = new() { StartInfo = start };
        _process.OutputDataReceived += (_, line) => OnOutput(line.Data);
        _process.ErrorDataReceived += (_, line) => _errors.Enqueue(line.Data ?? "");
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Address { get; private set; } = null!;

    /// <summary>The peak physical memory of the process so far, in bytes.</summary>
    public long PeakMemory
    {
        get
        {
            _process.Refresh();
            return _process.PeakWorkingSet64;
        }
    }

    public string[] Output => [.. _output];

    public string Errors => string.Join('\n', _errors);

    /// <summary>Starts the API and waits until it listens.</summary>
    public static async Task<ApiProcess> StartAsync(string environment, params IEnumerable<(string Key, string? Value)> settings)
    {
        var process = Start(environment, settings);
        var address = await process._listening.Task.WaitAsync(s_timeout);
        if (address is null)
        {
            await process.DisposeAsync();
            throw new InvalidOperationException($"The API did not start. {process.Errors}");
        }

        process.Address = address;
        return process;
    }

    /// <summary>Starts an API that is expected to exit by itself, and returns its exit code and output.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> RunAsync(string environment, params IEnumerable<(string Key, string? Value)> settings) =>
        RunAsync(Start(environment, settings));

    /// <summary>Runs the program with these arguments and no other settings.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> RunProgramAsync(params string[] arguments) => RunAsync(new ApiProcess(Program, [], arguments));

    /// <summary>Runs a command of the SDK, such as <c>user-jwts</c>.</summary>
    public static Task<(int ExitCode, string Output, string Errors)> RunDotnetAsync(IEnumerable<(string Key, string? Value)> settings, params string[] arguments) =>
        RunAsync(new ApiProcess("dotnet", settings, arguments));

    /// <summary>Kills the process (SIGKILL), which gives it no time to clean up.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await WaitForExitAsync();
    }

    /// <summary>Asks the process to end (SIGTERM).</summary>
    public void Terminate() => Assert.Equal(0, Signal(_process.Id, 15));

    public async Task<int> WaitForExitAsync()
    {
        using var timeout = new CancellationTokenSource(s_timeout);
        await _process.WaitForExitAsync(timeout.Token);
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await KillAsync();
        }

        _process.Dispose();
    }

    // The build puts the program beside the tests, because they reference it.
    private static string Program { get; } = Path.ChangeExtension(typeof(Program).Assembly.Location, OperatingSystem.IsWindows() ? ".exe" : null);

    /// <summary>Starts the API without waiting until it listens.</summary>
    public static ApiProcess Start(string environment, params IEnumerable<(string Key, string? Value)> settings) => new(
        Program,
        [
            ("ASPNETCORE_ENVIRONMENT", environment), ("ASPNETCORE_URLS", "http://127.0.0.1:0"), ("Authentication__AllowAnonymous", "true"), .. settings,
        ]);

    private static async Task<(int ExitCode, string Output, string Errors)> RunAsync(ApiProcess started)
    {
        await using var process = started;
        var exitCode = await process.WaitForExitAsync();
        return (exitCode, string.Join('\n', process.Output), process.Errors);
    }

    private static bool IsSetting(string name) =>
        s_settings.Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static extern int Signal(int processId, int signal);

    [GeneratedRegex(@"Now listening on: (http://[0-9.:]+)")]
    private static partial Regex Listening();

    private void OnOutput(string? line)
    {
        if (line is null)
        {
            _listening.TrySetResult(null); // end of the output
            return;
        }

        _output.Enqueue(line);
        if (Listening().Match(line) is { Success: true } match)
        {
            _listening.TrySetResult(new(match.Groups[1].Value));
        }
    }
}
