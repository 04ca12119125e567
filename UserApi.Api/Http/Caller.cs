using System.Net;
using System.Net.Sockets;

namespace UserApi.Api.Http;

/// <summary>A caller, for the queue and for all limits per caller: the subject of a valid token, or else the client's network.</summary>
/// <param name="Subject">The token's <c>sub</c>.</param>
/// <param name="Network">The client's network if there is no token, see <see cref="NetworkOf"/>. Null for a transport without addresses.</param>
internal readonly record struct Caller(string? Subject, IPAddress? Network)
{
    private const int Ipv6PrefixBytes = 64 / 8;

    public static Caller Of(HttpContext http) => http.User.FindFirst("sub") is { } subject
        ? new(subject.Value, null)
        : new(null, NetworkOf(http.Connection.RemoteIpAddress));

    /// <summary>
    /// The part of an address that a client cannot choose: all of an IPv4 address, even if it is mapped to IPv6, but only the first 64 bits
    /// of an IPv6 address, because a single host has all the addresses of a /64 (RFC 4291 section 2.5.4, RFC 8981).
    /// </summary>
    public static IPAddress? NetworkOf(IPAddress? address)
    {
        if (address is not { AddressFamily: AddressFamily.InterNetworkV6 })
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[Ipv6PrefixBytes..].Clear();
        return new(bytes);
    }
}
