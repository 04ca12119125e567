using System.Diagnostics;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Terraform;

/// <summary>
/// Runs <c>terraform/tests/run.sh</c>, once, and says what it said. Not beside other tests: it takes all processors for minutes.
/// </summary>
[CollectionDefinition(nameof(DeploymentTests), DisableParallelization = true)]
[Collection(nameof(DeploymentTests))]
public class DeploymentTests(DeploymentTests.Run run) : IClassFixture<DeploymentTests.Run>
{
    [Fact]
    public void The_plan_is_what_is_promised() => Check(line => !IsLifeCycle(line));

    [Fact]
    public void A_deployment_is_applied_changed_and_destroyed_against_an_emulator() => Check(IsLifeCycle);

    private static bool IsLifeCycle(string line) => line.Contains("life cycle", StringComparison.OrdinalIgnoreCase);

    private void Check(Func<string, bool> isMine)
    {
        var mine = run.Lines.Where(isMine).ToList();
        var skipped = mine.Where(line => line.StartsWith("SKIP", StringComparison.Ordinal)).ToList();

        Assert.False(mine.Any(line => line.StartsWith("FAIL", StringComparison.Ordinal)), run.Output);
        Assert.SkipWhen(skipped.Count > 0, string.Join(Environment.NewLine, skipped));
        Assert.True(mine.Any(line => line.StartsWith("PASS", StringComparison.Ordinal)), run.Output);
    }

    public sealed class Run : IAsyncLifetime
    {
        public string Output { get; private set; } = "";

        public IReadOnlyList<string> Lines => Output.Split('\n');

        public async ValueTask InitializeAsync()
        {
            if (OperatingSystem.IsWindows())
            {
                Output = "SKIP  plan: needs bash\nSKIP  life cycle: needs bash";
                return;
            }

            using var process = Process.Start(new ProcessStartInfo(Repository.File("terraform", "tests", "run.sh"))
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
            var outputs = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            Output = string.Concat(outputs);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
