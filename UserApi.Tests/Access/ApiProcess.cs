using System.Diagnostics;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>The program as a process of its own, in a folder that is its content root and its user's home.</summary>
internal sealed class ApiProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly CancellationTokenSource _time = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);

    private ApiProcess(Process process)
    {
        _process = process;
        _time.CancelAfter(TimeSpan.FromSeconds(60));
    }

    public static ApiProcess Start(TemporaryFolder folder, string environment, params string[] arguments) => new(StartDotnet(
        folder,
        environment,
        [
            Path.Combine(AppContext.BaseDirectory, "UserApi.Api.dll"), "--urls=http://127.0.0.1:0", $"--contentRoot={folder.Path}",
            "--Store:Kind=Embedded", $"--Store:Path={folder.File("users.db")}", .. arguments,
        ]));

    /// <summary>Runs a command of the SDK, such as <c>user-jwts</c>, with the same home.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> RunDotnetAsync(TemporaryFolder folder, params string[] arguments)
    {
        await using var dotnet = new ApiProcess(StartDotnet(folder, "Development", arguments));
        return await dotnet.WaitForExitAsync();
    }

    /// <summary>Where it listens, by its own account.</summary>
    public async Task<Uri> ListenAsync()
    {
        const string Listening = "Now listening on: ";
        while (await _process.StandardOutput.ReadLineAsync(_time.Token) is { } line)
        {
            if (line.Split(Listening) is [_, var address])
            {
                return new(address);
            }
        }

        throw new InvalidOperationException($"It does not start: {await _process.StandardError.ReadToEndAsync(_time.Token)}");
    }

    public async Task<(int ExitCode, string Output, string Error)> WaitForExitAsync()
    {
        var output = _process.StandardOutput.ReadToEndAsync(_time.Token);
        var error = _process.StandardError.ReadToEndAsync(_time.Token);
        await _process.WaitForExitAsync(_time.Token);
        return (_process.ExitCode, await output, await error);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
        _time.Dispose();
    }

    // HOME is where the SDK and the program look for the user's secrets on Unix, APPDATA on Windows.
    private static Process StartDotnet(TemporaryFolder folder, string environment, IEnumerable<string> arguments) => Process.Start(
        new ProcessStartInfo("dotnet", arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["DOTNET_ENVIRONMENT"] = environment,
                ["ASPNETCORE_ENVIRONMENT"] = environment,
                ["HOME"] = folder.Path,
                ["APPDATA"] = folder.Path,
                ["DOTNET_CLI_HOME"] = folder.Path,
                ["DOTNET_NOLOGO"] = "true",
            },
        })!;
}
