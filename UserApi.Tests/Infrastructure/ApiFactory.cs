using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace UserApi.Tests.Infrastructure;

/// <summary>
/// The API as it ships, on a real Kestrel at a free port of loopback, with an embedded store of its own unless a connection string is
/// among the settings. One per test: nothing is shared.
/// </summary>
internal sealed class ApiFactory : WebApplicationFactory<Program>
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestOutputLogger _log = new();
    private readonly (string Key, string Value)[] _settings;

    public ApiFactory(params (string Key, string Value)[] settings)
    {
        _settings = settings;
        UseKestrel();
    }

    /// <summary>The environment. Default: Development.</summary>
    public string Environment { get; init; } = Environments.Development;

    /// <summary>Replaces or adds services; set before the first client is made.</summary>
    public Action<IServiceCollection> Configure { get; init; } = _ => { };

    /// <summary>Where the API listens.</summary>
    public Uri Address
    {
        get
        {
            StartServer();
            return ClientOptions.BaseAddress;
        }
    }

    /// <summary>Makes a client that fails a test where a response is not as it is documented.</summary>
    public new HttpClient CreateClient() => CreateDefaultClient(new DocumentedHandler());

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment(Environment);

        // Not UseKestrel(0): that sets the port while Program may have started the server already.
        builder.UseUrls("http://127.0.0.1:0");
        builder.UseSetting("Store:Path", _folder.File("users.db"));
        foreach (var (key, value) in _settings)
        {
            builder.UseSetting(key, value);
        }

        builder.ConfigureTestServices(services =>
        {
            // The console is that of all tests, which a run shows when one of them fails.
            services.Remove(services.Single(service => service.ImplementationType == typeof(ConsoleLoggerProvider)));
            services.AddSingleton<ILoggerProvider>(_log);
            Configure(services);
        });
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
        _log.WriteLines();
    }
}
