using System.Diagnostics;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.WholeStack;

/// <summary>
/// A copy of the repository in an empty folder, with its own package cache. Aspire's packages come from a folder that may be empty, all
/// others from this machine's package cache, so nothing is downloaded. In the copy, each test project has only one test.
/// </summary>
public sealed class FreshClone : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromMinutes(5);
    private static readonly string[] s_aspireProjects = ["UserApi.AppHost", "UserApi.AppHost.Tests"];

    private readonly TemporaryFolder _folder = new();

    public FreshClone()
    {
        foreach (var path in Run("git", Repository.Root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output.Split('\0'))
        {
            if (File.Exists(Repository.File(path)) && !IsTestSource(path))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
                File.Copy(Repository.File(path), At(path));
            }
        }

        WriteTest("UserApi.Tests", "typeof(Program)");
        WriteTest("UserApi.AppHost.Tests", "typeof(FromTheTestingPackage)");
        WriteNuGetConfig();
    }

    private string Feed => _folder.File("feed");

    private string Packages => _folder.File("packages");

    /// <summary>Resets the copy to a fresh clone, but keeps what takes long to build and does not depend on Aspire.</summary>
    /// <param name="isAspireInFeed">Whether the feed has Aspire.</param>
    public void Refresh(bool isAspireInFeed)
    {
        Delete(At("obj"));
        foreach (var project in s_aspireProjects)
        {
            Delete(At(project, "bin"));
            Delete(At(project, "obj"));
        }

        Directory.CreateDirectory(Packages);
        Array.ForEach(Directory.GetDirectories(Packages, "aspire.*"), Delete);
        SetFeed(isAspireInFeed);
    }

    /// <summary>Adds Aspire to the feed or removes it.</summary>
    public void SetFeed(bool isAspireInFeed)
    {
        Delete(Feed);
        Directory.CreateDirectory(Feed);
        if (isAspireInFeed)
        {
            StandInFeed.Fill(Feed);
        }
    }

    /// <summary>Records that the feed was searched this long ago and had no Aspire.</summary>
    public void SetAnswerToNo(TimeSpan age)
    {
        Directory.CreateDirectory(At("obj"));
        File.WriteAllText(At("obj", "has-aspire.txt"), "false\n");
        File.SetLastWriteTimeUtc(At("obj", "has-aspire.txt"), DateTime.UtcNow - age);
        File.SetLastWriteTimeUtc(At("global.json"), DateTime.UtcNow.AddDays(-1));
    }

    /// <summary>Runs a command of the SDK at the root of the copy.</summary>
    /// <param name="command">The command, with its words separated by spaces.</param>
    public (int ExitCode, string Output) Dotnet(string command)
    {
        var result = Run("dotnet", At(), command.Split(' '));
        TestContext.Current.TestOutputHelper?.WriteLine(result.Output); // shown if the test fails
        return result;
    }

    /// <summary>Runs a script at the root of the copy, with its own home directory for the files of the SDK.</summary>
    public (int ExitCode, string Output) Bash(string script)
    {
        var result = Run("bash", At(), "-c", $"export HOME='{_folder.File("home")}' DOTNET_CLI_HOME='{_folder.File("home")}'; mkdir -p \"$HOME\"\n{script}");
        TestContext.Current.TestOutputHelper?.WriteLine(result.Output);
        return result;
    }

    public void Dispose() => _folder.Dispose();

    private string At(params ReadOnlySpan<string> path) => Path.Combine([_folder.File("clone"), .. path]);

    private static bool IsTestSource(string path) => path.Contains(".Tests/", StringComparison.Ordinal) && path.EndsWith(".cs", StringComparison.Ordinal);

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private void WriteTest(string project, string type) => File.WriteAllText(
        At(project, "OneTest.cs"),
        $$"""
        namespace {{project}};

        public class OneTest
        {
            [Fact]
            public void Runs() => Assert.NotNull({{type}});
        }

        """);

    // A package cache can be used as a package source: https://learn.microsoft.com/nuget/consume-packages/managing-the-global-packages-and-cache-folders
    private void WriteNuGetConfig()
    {
        var cache = Run("dotnet", Repository.Root, "nuget", "locals", "global-packages", "--list").Output.Split(": ", 2)[1].Trim();
        File.WriteAllText(
            _folder.File("nuget.config"),
            $"""
            <configuration>
              <packageSources>
                <clear />
                <add key="cache" value="{cache}" />
                <add key="feed" value="{Feed}" />
              </packageSources>
              <packageSourceMapping>
                <clear />
                <packageSource key="cache"><package pattern="*" /></packageSource>
                <packageSource key="feed"><package pattern="Aspire.*" /></packageSource>
              </packageSourceMapping>
              <fallbackPackageFolders><clear /></fallbackPackageFolders>
              <disabledPackageSources><clear /></disabledPackageSources>
            </configuration>
            """);
    }

    private (int ExitCode, string Output) Run(string program, string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        if (folder != Repository.Root)
        {
            start.Environment["NUGET_PACKAGES"] = Packages;
        }

        start.Environment["RunAnalyzers"] = "false"; // the build of these tests has analyzed the same sources

        // The SDK does not delete all its temporary files.
        start.Environment["TMPDIR"] = Directory.CreateDirectory(_folder.File("tmp")).FullName;

        // A build process that stays behind would hold files that are about to be deleted.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(s_timeout))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} did not end.");
        }

        return (process.ExitCode, output.Result + errors.Result);
    }
}

/// <summary>Tests that share a fresh clone. They run alone, because their builds take both cores of a small machine for a minute.</summary>
[CollectionDefinition(nameof(OneFreshClone), DisableParallelization = true)]
public sealed class OneFreshClone : ICollectionFixture<FreshClone>;
