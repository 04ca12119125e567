using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Container;

/// <summary>
/// The API as in the container image: published for this machine's architecture, with the image's environment variables and user. That user
/// can write neither to the program's folder nor to a home directory or a temporary folder.
/// </summary>
public sealed class PublishedApi : IAsyncLifetime
{
    private const string Setpriv = "/usr/bin/setpriv";
    private const UnixFileMode ReadOnly = (UnixFileMode)0b_101_101_101;
    private const UnixFileMode Writable = (UnixFileMode)0b_111_101_101;

    private static readonly string s_dotnetRoot = Path.GetFullPath("../../..", RuntimeEnvironment.GetRuntimeDirectory());
    private static readonly bool s_canRun = OperatingSystem.IsLinux() && (!Environment.IsPrivilegedProcess || File.Exists(Setpriv));

    private readonly TemporaryFolder _artifacts = new();

    /// <summary>The environment variables of the image.</summary>
    public Dictionary<string, string> EnvironmentVariables { get; private set; } = [];

    /// <summary>The ports that the image declares.</summary>
    public string[] Ports { get; private set; } = [];

    /// <summary>The user of the image.</summary>
    public string User { get; private set; } = "";

    private string Folder => _artifacts.File("app");

    public static void SkipTestWhereItCannotRun() =>
        Assert.SkipUnless(s_canRun, "This test needs Linux and, when run by root, setpriv (util-linux) to become another user.");

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux() || !s_canRun)
        {
            return;
        }

        // --artifacts-path keeps the intermediate files apart from those of the solution.
        using var publish = Process.Start(new ProcessStartInfo(Path.Combine(s_dotnetRoot, "dotnet"), [
            "publish", ProjectFile(), "--runtime", RuntimeInformation.RuntimeIdentifier, "--output", Folder,
            "--artifacts-path", _artifacts.File("artifacts"),
            "-getProperty:ContainerUser", "-getItem:ContainerEnvironmentVariable", "-getItem:ContainerPort",
        ])
        {
            RedirectStandardOutput = true,
            Environment = { ["TMPDIR"] = _artifacts.Path }, // the SDK does not delete all its temporary files
        })!;
        var output = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        Assert.True(publish.ExitCode == 0, output);

        var image = JsonElement.Parse(output);
        var items = image.GetProperty("Items");
        User = image.GetProperty("Properties").GetProperty("ContainerUser").GetString()!;
        Ports = [.. items.GetProperty("ContainerPort").EnumerateArray().Select(port => port.GetProperty("Identity").GetString()!)];
        EnvironmentVariables = items.GetProperty("ContainerEnvironmentVariable").EnumerateArray().ToDictionary(
            variable => variable.GetProperty("Identity").GetString()!,
            variable => variable.GetProperty("Value").GetString()!);

        File.SetUnixFileMode(_artifacts.Path, Writable);
        File.SetUnixFileMode(Folder, ReadOnly);
    }

    public ValueTask DisposeAsync()
    {
        if (OperatingSystem.IsLinux() && Directory.Exists(Folder))
        {
            File.SetUnixFileMode(Folder, Writable);
        }

        _artifacts.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Starts the program as the image does, except for these settings.</summary>
    public Process Start(string[] args, params (string Name, string Value)[] settings)
    {
        var program = Path.Combine(Folder, "UserApi.Api");
        var start = Environment.IsPrivilegedProcess
            ? new ProcessStartInfo(Setpriv, ["--reuid", User, "--regid", User, "--clear-groups", program, .. args])
            : new ProcessStartInfo(program, args);
        start.WorkingDirectory = Folder;
        start.Environment.Clear();
        foreach (var (name, value) in EnvironmentVariables)
        {
            start.Environment[name] = value;
        }

        start.Environment["DOTNET_ROOT"] = s_dotnetRoot;
        start.Environment["HOME"] = Folder;
        start.Environment["TMPDIR"] = Folder;
        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static string ProjectFile()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "UserApi.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests must run inside the repository.");
        }

        return Path.Combine(folder.FullName, "UserApi.Api", "UserApi.Api.csproj");
    }
}
