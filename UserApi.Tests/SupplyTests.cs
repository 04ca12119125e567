using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests;

/// <summary>Dependencies are pinned: packages by their hashes, actions by their commits, tools by their versions.</summary>
public partial class SupplyTests
{
    private static readonly string s_workflows = Repository.File(".github", "workflows");

    public static TheoryData<string> Workflows => [.. Directory.EnumerateFiles(s_workflows, "*.yml").Select(file => Path.GetFileName(file))];

    [Fact]
    public void Every_project_with_packages_has_a_lock_file_with_a_hash_of_each()
    {
        var projects = Directory.EnumerateFiles(Repository.Root, "*.csproj", SearchOption.AllDirectories)
            .Where(file => !Path.GetFileName(file).StartsWith("UserApi.AppHost", StringComparison.Ordinal)) // Aspire is not on every feed
            .ToList();

        Assert.NotEmpty(projects);
        Assert.All(projects, project => AssertLocked(Path.Combine(Path.GetDirectoryName(project)!, "packages.lock.json")));

        // Publishing restores for the target platforms and has lock files of its own (see Directory.Build.props).
        AssertLocked(Repository.File("UserApi.Api", "packages.publish.lock.json"));
        AssertLocked(Repository.File("UserApi.ServiceDefaults", "packages.publish.lock.json"));

        static void AssertLocked(string file)
        {
            var text = File.ReadAllText(file);
            Assert.Equal(Resolved().Count(text), Hash().Count(text));
            Assert.DoesNotContain("://", text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("bench/peers/fastify/package-lock.json")]
    [InlineData("UserApi.Tests/Clients/TypeScript/package-lock.json")]
    public void Every_package_of_npm_is_locked_by_its_hash_whichever_registry_it_comes_from(string file)
    {
        var packages = JsonNode.Parse(File.ReadAllText(Repository.File(file)))!["packages"]!.AsObject().Where(package => package.Key != "").ToList();

        Assert.NotEmpty(packages);
        Assert.All(packages, package =>
        {
            Assert.StartsWith("sha512-", (string)package.Value!["integrity"]!);
            Assert.Null(package.Value["resolved"]);
        });
    }

    [Fact]
    public void A_restore_in_continuous_integration_changes_no_lock_file()
    {
        var mode = XDocument.Load(Repository.File("Directory.Build.props")).Descendants("RestoreLockedMode").Single();

        Assert.Equal("true", mode.Value);
        Assert.Contains("'$(CI)' == 'true'", mode.Attribute("Condition")!.Value);
        Assert.Contains("dotnet restore \"$solution\" --locked-mode", File.ReadAllText(Repository.File("check")));
    }

    [Theory]
    [MemberData(nameof(Workflows))]
    public void A_workflow_may_do_nothing_by_default_and_runs_actions_and_tools_of_one_version(string workflow)
    {
        var text = File.ReadAllText(Path.Combine(s_workflows, workflow));

        Assert.Contains("\npermissions: {}\n", text);
        Assert.All(Uses().Matches(text), uses => Assert.Matches("^[^@]+@[0-9a-f]{40} # v[0-9.]+$", uses.Groups[1].Value));
        Assert.All(Pip().Matches(text), pip =>
        {
            var requirements = File.ReadAllLines(Repository.File(pip.Groups[1].Value));
            Assert.All(requirements.Where(line => !line.StartsWith('#')), line => Assert.Contains("==", line));
        });
        Assert.Equal(Pip().Count(text), Regex.Count(text, "pip install"));
    }

    [Fact]
    public void Every_kind_of_package_is_kept_up_to_date()
    {
        var text = File.ReadAllText(Repository.File(".github", "dependabot.yml"));

        Assert.Equal(
            ["dotnet-sdk", "github-actions", "npm", "nuget", "pip", "terraform"],
            Ecosystem().Matches(text).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
    }

    [GeneratedRegex("\"resolved\":")]
    private static partial Regex Resolved();

    [GeneratedRegex("\"contentHash\":")]
    private static partial Regex Hash();

    [GeneratedRegex("uses: (.+)")]
    private static partial Regex Uses();

    [GeneratedRegex(@"pip install .*-r (\S+)")]
    private static partial Regex Pip();

    [GeneratedRegex(@"package-ecosystem: (\S+)")]
    private static partial Regex Ecosystem();
}
