using UserApi.Api.Http;
using UserApi.ServiceDefaults;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Processes;

/// <summary>What the program does with arguments that are not settings.</summary>
public class CommandLineTests
{
    [Fact]
    public async Task The_version_is_that_of_the_tag()
    {
        var (exitCode, output, errors) = await ApiProcess.RunProgramAsync("--version");

        Assert.Equal((0, ""), (exitCode, errors.Trim()));
        Assert.Matches(@"^0\.0\.0-dev(\+[0-9a-f]+)?$", output.Trim());
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("help")]
    [InlineData("serve", "--help")]
    [InlineData("--help", "--urls", "http://127.0.0.1:0")]
    public async Task Help_names_the_commands_the_settings_that_matter_and_examples(params string[] arguments)
    {
        var (exitCode, output, errors) = await ApiProcess.RunProgramAsync(arguments);

        Assert.Equal((0, ""), (exitCode, errors.Trim()));
        string[] expected = ["serve ", "--probe URL", "--version", "--urls=", "ConnectionStrings:users", "Store:Kind", "Bearer:Authority", "Examples"];
        Assert.All(expected, text => Assert.Contains(text, output));
        Assert.All(output.Split('\n'), line => Assert.InRange(line.Length, 0, 132));
    }

    [Theory]
    [InlineData("'serv' is not a command. Did you mean serve?", "serv")]
    [InlineData("'start' is not a command.", "start")]
    [InlineData("'-p' is not a command.", "-p", "8000")]
    [InlineData("'--verison' is neither a command nor a setting. Did you mean version?", "--verison")]
    [InlineData("'--port' is neither a command nor a setting.", "--port", "8000")]
    [InlineData("'--url=http://127.0.0.1:0' is neither a command nor a setting. Did you mean urls?", "--url=http://127.0.0.1:0")]
    [InlineData("'--Limit:RequestTimeout=1' is neither a command nor a setting. Did you mean Limits?", "serve", "--Limit:RequestTimeout=1")]
    [InlineData("'--urls' has no value.", "--urls")]
    [InlineData("'--urls' has no value.", "--urls", "--environment=Development")]
    [InlineData("'8000' is not a command.", "--urls", "http://127.0.0.1:0", "8000")]
    public async Task A_word_that_means_nothing_is_an_error_with_help(string error, params string[] arguments)
    {
        var (exitCode, output, errors) = await ApiProcess.RunProgramAsync(arguments);

        Assert.Equal((2, ""), (exitCode, output.Trim()));
        Assert.StartsWith(error, errors, StringComparison.Ordinal);
        Assert.Contains("--probe URL", errors);
    }

    [Fact]
    public async Task Settings_are_arguments_in_each_form_that_the_configuration_reads()
    {
        using var folder = new TemporaryFolder();

        var (exitCode, _, errors) = await ApiProcess.RunProgramAsync(
            "serve", "--environment", "Production", "/urls=http://127.0.0.1:0", "Store:Kind=Embedded", "--store:PATH", folder.File("a=b.db"),
            "--Authentication:AllowAnonymous", "true", "--Limits:MaxBodyBytes=0", "--Cors:AllowedOrigins:0=*", "--OTEL_SERVICE_NAME=a");

        Assert.Equal((1, "UserApi does not start. Limits:MaxBodyBytes must be from 1 to 1,048,576."), (exitCode, errors.Trim()));
    }

    [Fact]
    public async Task Each_section_of_settings_may_be_an_argument()
    {
        var sections = new[] { typeof(LimitOptions).Assembly, typeof(TelemetryOptions).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .Select(type => type.GetField("SectionName")?.GetValue(null)?.ToString())
            .OfType<string>()
            .ToList();
        Assert.True(sections.Count >= 8, string.Join(' ', sections));

        var (exitCode, _, errors) = await ApiProcess.RunProgramAsync(
            [.. sections.Select(section => $"--{section}:UserzZzzz=1"), "--environment=Production"]);

        Assert.Equal(1, exitCode); // an unknown argument would exit with 2
        Assert.All(sections.Where(section => section != "ConnectionStrings"), section => Assert.Contains($"{section}:UserzZzzz is not a setting", errors));
    }
}
