using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.WholeStack;

/// <summary>
/// Runs the README's commands in their order in a fresh clone, unchanged except for the port. The comment after a <c>curl</c> command
/// begins with the expected status and names the expected headers.
/// </summary>
[Collection(nameof(OneFreshClone))]
public sealed partial class ReadmeTests(FreshClone clone)
{
    // Commands that need more than the SDK, and the tests that run them.
    private static readonly Dictionary<string, string> s_elsewhere = new()
    {
        ["dotnet run --project UserApi.AppHost"] = nameof(FreshCloneTests),
        ["cd terraform && terraform init && terraform apply"] = "terraform/tests/run.sh",
    };

    // Each server is a job with its own process group, so that "dotnet run" and the program that it starts end together.
    private const string Functions = """
        set -m
        stop() { [ -z "${server-}" ] || { kill -TERM -- -$server; wait $server 2>/dev/null; server=; }; }
        serve() {
          stop
          "$@" >"$HOME/server.log" 2>&1 & server=$!
          for try in $(seq 600); do
            curl -s -o /dev/null "http://localhost:$port/alive" && return
            kill -0 $server 2>/dev/null || break
            sleep 0.2
          done
          cat "$HOME/server.log"; stop; exit 1
        }
        """;

    private static readonly string[] s_headers = ["ETag", "Location", "Link"];

    [Fact]
    public void Every_command_does_what_the_README_says()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The README's commands are for a POSIX shell.");
        clone.Refresh(isAspireInFeed: false);
        var port = FreePort();
        List<string> script = [Functions, $"port={port}"];
        var calls = new List<string>();
        foreach (var line in Commands())
        {
            var (command, comment) = Split(line);
            if (s_elsewhere.ContainsKey(command))
            {
                continue;
            }

            command = command.Replace("localhost:8000", $"localhost:{port}", StringComparison.Ordinal);
            if (command.Contains("dotnet run", StringComparison.Ordinal))
            {
                var argument = command.Contains(" -- ", StringComparison.Ordinal) ? "" : " --";
                script.Add($"serve {command}{argument} --urls http://localhost:{port}");
            }
            else if (command.StartsWith("curl ", StringComparison.Ordinal))
            {
                calls.Add(comment);
                script.AddRange(["echo '--- call'", command.Replace("curl -i", "curl -si", StringComparison.Ordinal), "echo"]);
            }
            else
            {
                Assert.Matches("^[A-Z]+=", command);
                script.Add(command);
            }
        }

        script.Add("stop");
        var (exitCode, output) = clone.Bash(string.Join('\n', script));

        Assert.Equal(0, exitCode);
        var answers = output.Split("--- call\n")[1..];
        Assert.Equal(calls.Count, answers.Length);
        Assert.All(calls.Zip(answers), call =>
        {
            var (comment, answer) = call;
            Assert.StartsWith($"HTTP/1.1 {(comment.Length == 0 ? "2" : comment[..3])}", answer);
            Assert.All(s_headers.Where(header => comment.Contains(header, StringComparison.Ordinal)), header => Assert.Contains($"\n{header}: ", answer));
        });
        Assert.True(calls.Count >= 14, $"Only {calls.Count} calls were found in the README.");
    }

    private static IEnumerable<string> Commands() => ShellBlocks().Matches(File.ReadAllText(Repository.File("README.md")))
        .SelectMany(block => block.Groups[1].Value.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        .Where(line => !line.StartsWith("Authentication__", StringComparison.Ordinal)); // settings of a deployment, not commands

    private static (string Command, string Comment) Split(string line)
    {
        var comment = line.IndexOf(" # ", StringComparison.Ordinal);
        return comment < 0 ? (line.Trim(), "") : (line[..comment].Trim(), line[(comment + 3)..].Trim());
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    [GeneratedRegex("```sh\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex ShellBlocks();
}
