using Microsoft.Extensions.Hosting;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>The start of the program with incomplete or invalid settings for authentication, trusted proxies and telemetry.</summary>
public class StartTests
{
    private const string Authority = "--Authentication:Schemes:Bearer:Authority=https://login.example.org/";
    private const string Audience = "--Authentication:Schemes:Bearer:ValidAudiences:0=users";
    private const string Otlp = "--OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:9";

    [Theory]
    [InlineData("Authentication:Schemes:Bearer:Authority")]
    [InlineData("Authentication:AllowAnonymous", "--Authentication:AllowAnonymous=false")]
    [InlineData("Authentication:Schemes:Bearer:Authority", Audience)]
    [InlineData("Authentication:Schemes:Bearer:Authority", "--Authentication:Schemes:Bearer:Authority=", Audience)]
    [InlineData("Authentication:AnyAudience", Authority)]
    [InlineData("Authentication:AnyAudience", Authority, "--Authentication:AllowAnonymous=true")]
    [InlineData("ForwardedHeaders:Networks: '10.0.0.0/33' must be a network", Authority, Audience, "--ForwardedHeaders:Networks:0=10.0.0.0/33")]
    [InlineData("ForwardedHeaders:Networks: 'proxy' must be a network", Authority, Audience, "--ForwardedHeaders:Networks:0=proxy")]
    [InlineData("ForwardedHeaders:Hops", Authority, Audience, "--ForwardedHeaders:Networks:0=10.0.0.0/8", "--ForwardedHeaders:Hops=0")]
    [InlineData("Authentication:ScopePrefix", Authority, Audience, "--Authentication:ScopePrefix=a \"b\" ")]
    [InlineData("OTEL_TRACES_SAMPLER must be", Authority, Audience, Otlp, "--OTEL_TRACES_SAMPLER=ratio")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG must be", Authority, Audience, Otlp, "--OTEL_TRACES_SAMPLER=traceidratio", "--OTEL_TRACES_SAMPLER_ARG=10")]
    [InlineData("OTEL_TRACES_SAMPLER_ARG", Authority, Audience, Otlp, "--OTEL_TRACES_SAMPLER=traceidratio", "--OTEL_TRACES_SAMPLER_ARG=a tenth")]
    [InlineData("Telemetry:TrustCallers", Authority, Audience, "--Telemetry:TrustCallers=yes please")]
    public async Task The_process_refuses_to_start_and_says_why(string why, params string[] arguments)
    {
        using var folder = new TemporaryFolder();

        var (exitCode, output, error) = await ApiProcess.RunAsync(
            Environments.Production,
            [
                ("Authentication__AllowAnonymous", null), ("Store__Kind", "Embedded"), ("Store__Path", folder.File("users.db")),
                .. arguments.Select(argument => argument.Split('=', 2)).Select(pair => (pair[0], pair[1])),
            ]);

        Assert.Equal(1, exitCode);
        Assert.StartsWith("UserApi does not start.", error, StringComparison.Ordinal);
        Assert.Contains(why, error, StringComparison.Ordinal);
        Assert.Single(error.TrimEnd().Split('\n'));
        Assert.DoesNotContain("Now listening", output, StringComparison.Ordinal);
    }
}
