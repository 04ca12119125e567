using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace UserApi.Tests.Infrastructure;

/// <summary>
/// The API as it ships, on Kestrel at a free loopback port. It has its own embedded store unless the settings contain a connection string.
/// Each test creates its own instance.
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

    /// <summary>Replaces or adds services; must be set before the first client is created.</summary>
    public Action<IServiceCollection> Configure { get; init; } = _ => { };

    /// <summary>The address at which the API listens.</summary>
    public Uri Address
    {
        get
        {
            StartServer();
            return ClientOptions.BaseAddress;
        }
    }

    /// <summary>Creates a client that fails the test if a response is not as documented.</summary>
    public new HttpClient CreateClient() => CreateDefaultClient(new DocumentedHandler());

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment(Environment);

        // Not UseKestrel(0), because it sets the port when Program may already have started the server.
        builder.UseUrls("http://127.0.0.1:0");
        builder.UseSetting("Store:Path", _folder.File("users.db"));
        foreach (var (key, value) in _settings)
        {
            builder.UseSetting(key, value);
        }

        builder.ConfigureTestServices(services =>
        {
            // All tests share the console, and a run with a failure shows all of it.
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
