using System.Net.Sockets;
using MongoDB.Bson.IO;

namespace UserApi.MongoWire;

/// <summary>A client connection: reads a request, runs it and sends its reply, one after another.</summary>
internal sealed class WireConnection(MongoWireServer server, Socket socket, int id) : IDisposable
{
    private readonly CancellationTokenSource _aborted = new();
    private readonly CancellationTokenSource _retired = new();
    private readonly ByteBufferStream _output = new(new ByteArrayBuffer(new byte[1024]), ownsBuffer: true);
    private byte[] _input = new byte[1024];
    private int _received;

    public int Id { get; } = id;

    /// <summary>The application name in the client's first hello; failpoints can be limited to it.</summary>
    public string? AppName { get; set; }

    public async Task RunAsync()
    {
        try
        {
            var next = ReceiveAsync().AsTask();
            while (await next is { } request)
            {
                // A hello that waits for a change must end when the client closes the connection.
                var waits = Topology.IsAwaitable(request.Command);
                next = waits ? ReceiveAsync().AsTask() : null;
                if (!await AnswerAsync(request, next))
                {
                    break;
                }

                next ??= ReceiveAsync().AsTask();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException or InvalidDataException)
        {
            // The client closed the connection or violated the protocol, or a simulated fault closed it: only this connection ends.
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>Closes the connection after the reply to a pending request, if any: the client sees an end of stream.</summary>
    public void Retire() => _retired.Cancel();

    /// <summary>Resets the connection: the client sees an error, not an end of stream.</summary>
    public void Abort()
    {
        _aborted.Cancel();
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Already closed.
        }

        socket.Dispose();
    }

    public void Dispose()
    {
        socket.Dispose();
        _output.Dispose();
    }

    /// <returns>False when the connection must be closed.</returns>
    private async ValueTask<bool> AnswerAsync(WireRequest request, Task<WireRequest?>? next)
    {
        var responseTo = request.Id;
        bool again;
        do
        {
            if (next is not null)
            {
                await server.Topology.WaitForChangeAsync(request.Command, next);
                if (next.IsCompleted)
                {
                    return true;
                }
            }

            var execution = server.ExecuteAsync(this, request, _aborted.Token);
            if (await execution is not { } reply)
            {
                return false;
            }

            if (request.NoReply)
            {
                return true;
            }

            again = request.ExhaustAllowed && next is not null && reply["ok"].ToBoolean();
            var replyId = server.NextMessageId();
            WireMessage.WriteReply(_output, replyId, responseTo, reply, request.IsLegacy, moreToCome: again);
            if (!await SendAsync(server.CutOf(request.Name)))
            {
                return false;
            }

            if (again)
            {
                responseTo = replyId;
                request.Command["topologyVersion"] = reply["topologyVersion"];
            }
        }
        while (again);

        return true;
    }

    /// <param name="cut">How many bytes of the reply are sent before the connection is closed; null to send all.</param>
    private async ValueTask<bool> SendAsync(int? cut)
    {
        var buffer = ((ByteArrayBuffer)_output.Buffer).AccessBackingBytes(0).AsMemory(0, (int)_output.Length);
        if (cut < buffer.Length)
        {
            buffer = buffer[..cut.Value];
        }

        while (buffer.Length > 0)
        {
            buffer = buffer[await socket.SendAsync(buffer)..];
        }

        return cut is null;
    }

    /// <returns>The next request, or null at the end of the stream.</returns>
    private async ValueTask<WireRequest?> ReceiveAsync()
    {
        if (!await FillAsync(WireMessage.HeaderSize))
        {
            return null;
        }

        var length = BitConverter.ToInt32(_input);
        if (length is < WireMessage.HeaderSize or > WireMessage.MaxSize)
        {
            throw new InvalidDataException($"A message of {length} bytes.");
        }

        if (!await FillAsync(length))
        {
            return null;
        }

        var request = WireMessage.Parse(_input, length);
        _received -= length;
        Buffer.BlockCopy(_input, length, _input, 0, _received);

        return request;
    }

    private async ValueTask<bool> FillAsync(int length)
    {
        if (_input.Length < length)
        {
            Array.Resize(ref _input, Math.Max(length, 2 * _input.Length));
        }

        while (_received < length)
        {
            var count = await socket.ReceiveAsync(_input.AsMemory(_received), _retired.Token);
            if (count == 0)
            {
                return false;
            }

            _received += count;
        }

        return true;
    }
}
