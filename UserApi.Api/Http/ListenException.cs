using System.Net;
using System.Net.Sockets;

namespace UserApi.Api.Http;

/// <summary>An address cannot be bound, for another reason than that it is in use.</summary>
/// <param name="endpoint">The address.</param>
/// <param name="innerException">The reason of the operating system.</param>
internal sealed class ListenException(EndPoint endpoint, SocketException innerException)
    : Exception($"Failed to bind to address {endpoint}: {innerException.Message}.", innerException);
