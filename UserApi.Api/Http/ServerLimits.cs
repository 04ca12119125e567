using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Http;

/// <summary>Keeps the process within <see cref="LimitOptions"/>: registers each limit, and sets the limits of the server.</summary>
internal static class ServerLimits
{
    public static void AddServerLimits(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        builder.AddSettings<LimitOptions, LimitOptionsValidator>(LimitOptions.SectionName);

        services.AddOptionsWithValidateOnStart<AddressOptions, AddressOptionsValidator>().BindConfiguration("");

        services.AddRequestTimeouts();
        Configure<RequestTimeoutOptions>(RequestTimeouts.Configure);
        services.AddRateLimiter(_ => { });
        Configure<RateLimiterOptions>(RateLimiting.Configure);
        services.AddSingleton<RequestQueue>();

        services.AddSingleton<ConnectionLimits>();
        services.AddOptions<KestrelServerOptions>().Configure<ConnectionLimits>((kestrel, connections) =>
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(connections.Limit)));
        Configure<KestrelServerOptions>((kestrel, limits) =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = limits.MaxConnections;
            kestrel.Limits.MaxRequestBodySize = limits.MaxBodyBytes;
            kestrel.Limits.RequestHeadersTimeout = limits.RequestTimeout;
            kestrel.Limits.KeepAliveTimeout = limits.KeepAliveTimeout;
        });
        Configure<HostOptions>((host, limits) => host.ShutdownTimeout = limits.ShutdownTimeout);
        services.AddHostedService<GracefulShutdown>();
        services.AddSingleton<IConnectionListenerFactory, DrainingListenerFactory>();

        void Configure<T>(Action<T, LimitOptions> configure) where T : class =>
            services.AddOptions<T>().Configure<IOptions<LimitOptions>>((options, limits) => configure(options, limits.Value));
    }
}
