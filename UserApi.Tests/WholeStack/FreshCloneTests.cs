namespace UserApi.Tests.WholeStack;

/// <summary>The commands of the README on a fresh clone, with and without Aspire in the package feed.</summary>
[Collection(nameof(OneFreshClone))]
public sealed class FreshCloneTests(FreshClone clone)
{
    private const string Refusal = "error : The package feed does not have the Aspire SDK that global.json names.";
    private const string LeftOut = "Left out, because the package feed does not have the Aspire SDK: UserApi.AppHost and UserApi.AppHost.Tests.";

    [Theory]
    [InlineData("run --project UserApi.AppHost", "The stand-in of Aspire runs.")]
    [InlineData("test --project UserApi.AppHost.Tests", "succeeded: 1")]
    [InlineData("test", "succeeded: 2")]
    [InlineData("msbuild UserApi.AppHost -getProperty:IsAspireHost", "true")] // for the Aspire CLI, and for an IDE that opens the solution
    public void With_Aspire_in_the_feed_the_command_works(string command, string expected)
    {
        clone.Refresh(isAspireInFeed: true);

        var (exitCode, output) = clone.Dotnet(command);

        Assert.Contains(expected, output);
        Assert.DoesNotContain("warning", output);
        Assert.Equal(0, exitCode);
    }

    [Theory]
    [InlineData("run --project UserApi.AppHost")]
    [InlineData("build UserApi.AppHost")]
    [InlineData("test --project UserApi.AppHost.Tests")]
    public void Without_Aspire_a_command_that_needs_it_refuses_in_one_line(string command)
    {
        clone.Refresh(isAspireInFeed: false);

        var (exitCode, output) = clone.Dotnet(command);

        var errors = output.Split('\n').Where(line => line.Contains("error ", StringComparison.Ordinal)).Distinct();
        Assert.Contains(Refusal, Assert.Single(errors));
        Assert.Equal(1, exitCode);
    }

    [Theory]
    [InlineData("build", "UserApi.Tests.dll")]
    [InlineData("test", "succeeded: 1")]
    public void Without_Aspire_the_solution_works_without_its_projects_and_says_so_in_one_line(string command, string expected)
    {
        clone.Refresh(isAspireInFeed: false);

        var (exitCode, output) = clone.Dotnet(command);

        Assert.Contains(expected, output);
        Assert.Contains("obj/has-aspire.txt", Assert.Single(output.Split('\n'), line => line.Contains("Aspire SDK", StringComparison.Ordinal)));
        Assert.Contains(LeftOut, output);
        Assert.Equal(0, exitCode);
    }

    [Theory]
    [InlineData(false, "test --project UserApi.AppHost.Tests", "succeeded: 1")]
    [InlineData(true, "build", "UserApi.AppHost.Tests.dll")]
    public void Aspire_is_found_when_the_feed_has_got_it(bool isAnHourLater, string command, string expected)
    {
        clone.Refresh(isAspireInFeed: true);
        clone.SetAnswerToNo(isAnHourLater ? TimeSpan.FromMinutes(61) : TimeSpan.Zero);

        var (exitCode, output) = clone.Dotnet(command);

        Assert.Contains(expected, output);
        Assert.Equal(0, exitCode);
    }

    [Fact]
    public void The_solution_asks_the_feed_once_an_hour()
    {
        clone.Refresh(isAspireInFeed: true);
        clone.SetAnswerToNo(TimeSpan.FromMinutes(59));

        Assert.Contains(LeftOut, clone.Dotnet("build").Output);
    }

    [Fact]
    public void A_store_that_does_not_exist_is_refused_in_one_line()
    {
        clone.Refresh(isAspireInFeed: true);

        var (exitCode, output) = clone.Dotnet("run --project UserApi.AppHost -- --store sqlite");

        Assert.EndsWith("UserApi.AppHost does not start. The store must be mongodb or embedded, not sqlite.\n", output);
        Assert.Equal(1, exitCode);
    }
}
