using UserApi.Api.Docs;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

/// <summary>The API logs the address of /docs only if the reader of the log can open it.</summary>
public sealed class DocsAddressTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_developer_reads_where_the_API_listens()
    {
        var (address, output) = await RunAsync("Development");

        Assert.Contains(output, line => line.Contains($"Try it at {address}docs", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Development", "None")] // started by Aspire, behind a port of the AppHost (see AppHost.cs)
    [InlineData("Production", null)] // behind a load balancer or a container's published port
    public async Task Nobody_reads_an_address_behind_another_one(string environment, string? logLevel)
    {
        var (_, output) = await RunAsync(environment, ("Logging__LogLevel__UserApi.Api.Docs", logLevel));

        Assert.DoesNotContain(output, line => line.Contains("Try it at", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http://[::]:8000", "http://localhost:8000")]
    [InlineData("http://0.0.0.0:8000", "http://localhost:8000")]
    [InlineData("http://127.0.0.1:8000", "http://127.0.0.1:8000")]
    public void A_wildcard_is_read_as_this_machine(string address, string expected) => Assert.Equal(expected, ApiDocs.ToLocal(address));

    /// <summary>Starts and stops the API, and returns its address and its output.</summary>
    private async Task<(Uri Address, string[] Output)> RunAsync(string environment, params (string, string?)[] settings)
    {
        await using var api = await ApiProcess.StartAsync(
            environment, [("Store__Path", _folder.File("users.db")), ("Store__Kind", "Embedded"), .. settings]);
        api.Terminate();
        Assert.Equal(0, await api.WaitForExitAsync());
        return (api.Address, api.Output);
    }
}
