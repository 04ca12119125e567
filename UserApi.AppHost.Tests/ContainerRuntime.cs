using System.ComponentModel;
using System.Diagnostics;

namespace UserApi.AppHost.Tests;

/// <summary>Docker or Podman, whichever is available.</summary>
internal static class ContainerRuntime
{
    private static readonly string? s_command = Find();

    public static void SkipTestWithoutOne() =>
        Assert.SkipWhen(s_command is null, "There is no container runtime here: neither `docker info` nor `podman info` succeeds.");

    public static void RemoveVolume(string name) => Run(s_command!, "volume", "rm", "--force", name);

    private static string? Find()
    {
        string[] commands = Environment.GetEnvironmentVariable("ASPIRE_CONTAINER_RUNTIME") is { Length: > 0 } chosen ? [chosen] : ["docker", "podman"];
        return commands.FirstOrDefault(command => Run(command, "info"));
    }

    private static bool Run(string command, params string[] args)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, args) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false; // not installed
        }
    }
}
