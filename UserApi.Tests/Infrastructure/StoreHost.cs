using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using UserApi.Api.Http;
using UserApi.Api.Users.Stores;

namespace UserApi.Tests.Infrastructure;

/// <summary>A user store as the API registers it from configuration, without the API.</summary>
internal sealed class StoreHost : IDisposable
{
    private readonly IHost _host;

    public StoreHost(TimeProvider clock, params IEnumerable<(string Key, string Value)> settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new() { EnvironmentName = Environments.Development });
        foreach (var (key, value) in settings)
        {
            builder.Configuration[key] = value;
        }

        builder.Services.AddSingleton(clock);
        builder.Services.Configure<LimitOptions>(limits => limits.RequestTimeout = TimeSpan.FromMinutes(1)); // allows a long Store:Timeout
        builder.AddUserStore();
        _host = builder.Build();
        Store = _host.Services.GetRequiredService<IUserStore>();
    }

    public IUserStore Store { get; }

    public void Dispose()
    {
        _host.Dispose();
    }
}
