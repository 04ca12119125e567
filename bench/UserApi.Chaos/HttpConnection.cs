using System.Buffers.Text;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace UserApi.Chaos;

/// <summary>A response; its body is valid until the next request on the same connection.</summary>
internal readonly record struct Answer(int Status, bool Closes, bool HasRetryAfter, string? ETag, ReadOnlyMemory<byte> Body)
{
    public bool IsSuccess => Status is >= 200 and < 300;
}

/// <summary>
/// A minimal HTTP/1.1 connection, because <see cref="HttpClient"/> silently repeats a request whose connection was cut, and these must be
/// counted. Reads responses with a Content-Length or without a body, as the users' endpoints send them.
/// </summary>
internal sealed class HttpConnection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _buffer = new byte[2048];

    /// <param name="method">The method.</param>
    /// <param name="path">The path and query.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="headers">Further headers, each with its line ending.</param>
    /// <param name="type">The body's media type.</param>
    public static byte[] Request(string method, string path, string? body = null, string headers = "", string type = "application/json") => Encoding.UTF8.GetBytes(
        $"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
        + (body is null ? "\r\n" : $"Content-Type: {type}\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"));

    public static async Task<HttpConnection> OpenAsync(int port, CancellationToken cancellationToken)
    {
        var connection = new HttpConnection();
        try
        {
            await connection._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Whether the server has closed the connection while no request was pending.</summary>
    public bool IsClosed => _socket.Poll(0, SelectMode.SelectRead);

    /// <exception cref="SocketException">The connection was cut after the request was sent.</exception>
    /// <exception cref="EndOfStreamException">The connection was closed before or during a response.</exception>
    public async ValueTask<Answer> SendAsync(ReadOnlyMemory<byte> request, CancellationToken cancellationToken)
    {
        await _socket.SendAsync(request, cancellationToken);
        var length = 0;
        int headEnd;
        while ((headEnd = _buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8)) < 0)
        {
            length += await ReceiveAsync(length, cancellationToken);
        }

        var status = int.Parse(_buffer.AsSpan(9, 3), CultureInfo.InvariantCulture);
        var bodyLength = 0;
        if (Header("\r\nContent-Length: "u8, headEnd) is { } number && !Utf8Parser.TryParse(number.Span, out bodyLength, out _))
        {
            throw new InvalidDataException("Content-Length is no number.");
        }

        var bodyStart = headEnd + 4;
        while (length < bodyStart + bodyLength)
        {
            length += await ReceiveAsync(length, cancellationToken);
        }

        return new(
            status,
            Header("\r\nConnection: close"u8, headEnd) is not null,
            Header("\r\nRetry-After: "u8, headEnd) is not null,
            Header("\r\nETag: "u8, headEnd) is { } tag ? Encoding.ASCII.GetString(tag.Span) : null,
            _buffer.AsMemory(bodyStart, bodyLength));
    }

    public void Dispose() => _socket.Dispose();

    private async ValueTask<int> ReceiveAsync(int offset, CancellationToken cancellationToken)
    {
        if (offset == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var count = await _socket.ReceiveAsync(_buffer.AsMemory(offset), cancellationToken);
        return count > 0 ? count : throw new EndOfStreamException();
    }

    private ReadOnlyMemory<byte>? Header(ReadOnlySpan<byte> name, int headEnd)
    {
        var head = _buffer.AsSpan(0, headEnd + 2);
        var start = head.IndexOf(name);
        if (start < 0)
        {
            return null;
        }

        start += name.Length;
        return _buffer.AsMemory(start, head[start..].IndexOf("\r\n"u8));
    }
}
