using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>
/// Closes a new connection without a response if its client already has <see cref="LimitOptions.MaxConnectionsPerAddress"/> open. Connections
/// of a trusted proxy belong to many clients, so they are not counted.
/// </summary>
internal sealed partial class ConnectionLimits(
    IOptions<LimitOptions> limits, IOptions<ForwardedHeadersOptions> proxies, ILogger<ConnectionLimits> logger)
{
    private readonly int _max = limits.Value.MaxConnectionsPerAddress;
    private readonly Lock _lock = new();
    private readonly Dictionary<IPAddress, (int Open, bool IsLogged)> _clients = [];

    public ConnectionDelegate Limit(ConnectionDelegate next) => async connection =>
    {
        if ((connection.RemoteEndPoint as IPEndPoint)?.Address is not { } address || IsProxy(address))
        {
            await next(connection);
            return;
        }

        var client = Caller.NetworkOf(address)!;
        if (!TryOpen(client))
        {
            connection.Abort();
            return;
        }

        try
        {
            await next(connection);
        }
        finally
        {
            Close(client);
        }
    };

    private bool IsProxy(IPAddress address)
    {
        var own = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return proxies.Value.KnownIPNetworks.Any(network => network.Contains(own));
    }

    private bool TryOpen(IPAddress client)
    {
        lock (_lock)
        {
            var (open, isLogged) = _clients.GetValueOrDefault(client);
            if (open < _max)
            {
                _clients[client] = (open + 1, isLogged);
                return true;
            }

            _clients[client] = (open, true);
            if (isLogged)
            {
                return false;
            }
        }

        LogTooMany(client, _max);
        return false;
    }

    private void Close(IPAddress client)
    {
        lock (_lock)
        {
            var (open, isLogged) = _clients[client];
            if (open == 1)
            {
                _clients.Remove(client);
            }
            else
            {
                _clients[client] = (open - 1, isLogged);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Client} has {Count} connections open, as many as Limits:MaxConnectionsPerAddress allows; any more are closed")]
    private partial void LogTooMany(IPAddress client, int count);
}
