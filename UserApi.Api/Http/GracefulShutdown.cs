using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>
/// After SIGTERM, accepts no new connections, and continues to serve open ones for <see cref="LimitOptions.DrainTime"/>, telling callers to
/// use another instance (<c>Connection: close</c>). Kestrel by itself would at once close every connection that is between two requests,
/// even if the next request is already on its way.
/// </summary>
internal sealed class GracefulShutdown(IHostApplicationLifetime lifetime, IOptions<LimitOptions> limits) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) => lifetime.ApplicationStopping.IsCancellationRequested
        ? Task.Delay(limits.Value.DrainTime, cancellationToken)
        : Task.CompletedTask; // No signal: code disposes the host, so there is no need to wait.

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Closes the listening sockets as soon as the process must stop: a refused caller can safely use another instance.</summary>
internal sealed class DrainingListenerFactory(
    IOptions<SocketTransportOptions> options, ILoggerFactory loggerFactory, IHostApplicationLifetime lifetime) : IConnectionListenerFactory
{
    private readonly SocketTransportFactory _sockets = new(options, loggerFactory);

    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        try
        {
            var listener = await _sockets.BindAsync(endpoint, cancellationToken);
            lifetime.ApplicationStopping.Register(() => _ = listener.UnbindAsync(CancellationToken.None).AsTask());
            return listener;
        }
        catch (SocketException e)
        {
            throw new ListenException(endpoint, e); // which does not say which address
        }
    }
}

internal static class GracefulShutdownExtensions
{
    public static void UseGracefulShutdown(this WebApplication app)
    {
        var stopping = app.Lifetime.ApplicationStopping;
        app.Use((http, next) =>
        {
            if (stopping.IsCancellationRequested)
            {
                // When the response starts: an error handler clears headers that are set earlier.
                http.Response.OnStarting(static response =>
                {
                    ((HttpResponse)response).Headers.Connection = "close";
                    return Task.CompletedTask;
                }, http.Response);
            }

            return next(http);
        });
    }
}
