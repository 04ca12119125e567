using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>
/// After SIGTERM, takes no new connections, and goes on answering on those there are for <see cref="LimitOptions.DrainTime"/>, asking
/// callers to go elsewhere (<c>Connection: close</c>). Kestrel by itself closes every connection that is between two requests at once,
/// also when the next request is on its way already.
/// </summary>
internal sealed class GracefulShutdown(IHostApplicationLifetime lifetime, IOptions<LimitOptions> limits) : IHostedLifecycleService
{
    public Task StoppingAsync(CancellationToken cancellationToken) => lifetime.ApplicationStopping.IsCancellationRequested
        ? Task.Delay(limits.Value.DrainTime, cancellationToken)
        : Task.CompletedTask; // No signal: the host is disposed of by the code that made it, and nobody is to be waited for.

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Closes the listening sockets as soon as the process is told to stop: a caller that is refused can safely try elsewhere.</summary>
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
                // As the answer starts: an error handler clears the headers that are set before.
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
