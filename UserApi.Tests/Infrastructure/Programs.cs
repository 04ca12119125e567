using System.Diagnostics;

namespace UserApi.Tests.Infrastructure;

/// <summary>Finds and runs programs that not every machine has.</summary>
internal static class Programs
{
    /// <summary>The path of the first of these programs that is on the PATH, or null if none is.</summary>
    public static string? Find(params ReadOnlySpan<string> names)
    {
        string[] endings = OperatingSystem.IsWindows() ? [".exe", ".cmd"] : [""];
        foreach (var name in names)
        {
            var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .SelectMany(folder => endings.Select(ending => Path.Combine(folder, name + ending)))
                .FirstOrDefault(File.Exists);
            if (found is not null)
            {
                return found;
            }
        }

        return null;
    }

    /// <summary>Runs a program, which must exit with code 0.</summary>
    public static async Task RunAsync(string program, string folder, params IEnumerable<string> arguments)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var errors = process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {await output} {await errors}");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
