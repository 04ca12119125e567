using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace UserApi.Tests.Reliability;

/// <summary>A TCP proxy on loopback that simulates Toxiproxy's network faults.</summary>
internal sealed class ToxicProxy : IAsyncDisposable
{
    private readonly int _upstreamPort;
    private readonly ConcurrentDictionary<Link, Task> _links = new();
    private readonly Lock _gate = new();
    private Infection? _infection;
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private int _accepted;
    private int _effects;

    public ToxicProxy(int upstreamPort)
    {
        _upstreamPort = upstreamPort;
        Listen();
    }

    public int Port { get; private set; }

    /// <summary>How many connections are open.</summary>
    public int OpenConnections => _links.Count;

    /// <summary>How many connections were ever accepted.</summary>
    public int AcceptedConnections => Volatile.Read(ref _accepted);

    /// <summary>The effects of all toxics so far.</summary>
    public Effects Effects => (Effects)Volatile.Read(ref _effects);

    /// <summary>Adds a fault, for new and existing connections.</summary>
    public void Infect(Toxic toxic, Direction direction)
    {
        lock (_gate)
        {
            _infection = new(toxic, direction);
            foreach (var link in _links.Keys)
            {
                link.Suffer(_infection);
            }

            if (toxic is Toxic.Down)
            {
                StopListening();
            }
        }
    }

    /// <summary>Removes the fault; delayed data is sent on.</summary>
    public void Heal()
    {
        lock (_gate)
        {
            _infection?.End();
            _infection = null;
            if (_listener is null)
            {
                Listen();
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        Heal();
        lock (_gate)
        {
            StopListening();
            foreach (var link in _links.Keys)
            {
                link.Dispose();
            }
        }

        await _accepting;
        await Task.WhenAll(_links.Values);
    }

    private void Listen()
    {
        _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        _listener.Listen(512);
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = AcceptAsync(_listener);
    }

    private void Note(Effects effect) => Interlocked.Or(ref _effects, (int)effect);

    private void StopListening()
    {
        _listener?.Dispose();
        _listener = null;
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return; // down
            }

            Interlocked.Increment(ref _accepted);
            var link = new Link(this, client);
            lock (_gate)
            {
                if (_listener != listener)
                {
                    link.Dispose();
                    return;
                }

                _links[link] = Task.CompletedTask;
                _links.TryUpdate(link, ServeAsync(link), Task.CompletedTask);
                if (_infection is { } infection)
                {
                    link.Suffer(infection);
                }
            }
        }
    }

    private async Task ServeAsync(Link link)
    {
        await link.RunAsync(_upstreamPort);
        _links.TryRemove(link, out _);
    }

    /// <summary>A toxic, from when it is added to when it is removed.</summary>
    private sealed class Infection(Toxic toxic, Direction direction)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Toxic Toxic => toxic;

        public bool Affects(Direction data) => direction.HasFlag(data);

        public void End() => _ended.TrySetResult();

        /// <returns>Whether the toxic was still active after the delay.</returns>
        public async Task<bool> DelayAsync(TimeSpan delay, CancellationToken cancellationToken)
        {
            var end = _ended.Task.WaitAsync(delay, cancellationToken);
            await end.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return end.IsFaulted; // with a TimeoutException, if the toxic is still active
        }
    }

    /// <summary>A client's connection and the corresponding connection to the server.</summary>
    private sealed class Link(ToxicProxy proxy, Socket client) : IDisposable
    {
        private readonly CancellationTokenSource _closed = new();
        private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        public async Task RunAsync(int upstreamPort)
        {
            client.NoDelay = true;
            try
            {
                await _server.ConnectAsync(IPAddress.Loopback, upstreamPort, _closed.Token);
                await Task.WhenAll(PumpAsync(client, _server, Direction.Upstream), PumpAsync(_server, client, Direction.Downstream));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // The server is down.
            }

            Dispose();
        }

        /// <summary>Starts the effects of a toxic that do not depend on data.</summary>
        public void Suffer(Infection infection)
        {
            switch (infection.Toxic)
            {
                case Toxic.Down:
                    proxy.Note(Effects.ConnectionCut);
                    Dispose();
                    break;
                case Toxic.Timeout { After: var after } when after > TimeSpan.Zero:
                    _ = EndAfter(after, reset: false);
                    break;
                case Toxic.ResetPeer { After: var after }:
                    _ = EndAfter(after, reset: true);
                    break;
            }

            async Task EndAfter(TimeSpan delay, bool reset)
            {
                if (await infection.DelayAsync(delay, _closed.Token))
                {
                    if (reset)
                    {
                        TryReset(client);
                        TryReset(_server);
                    }

                    proxy.Note(Effects.ConnectionCut);
                    Dispose();
                }
            }
        }

        public void Dispose()
        {
            _closed.Cancel();
            client.Dispose();
            _server.Dispose();
        }

        private static void TryReset(Socket socket)
        {
            try
            {
                socket.LingerState = new(true, 0);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Already closed.
            }
        }

        private async Task PumpAsync(Socket from, Socket to, Direction direction)
        {
            var buffer = new byte[16 * 1024];
            var passed = 0;
            var isOpening = direction == Direction.Upstream;
            Infection? last = null;
            try
            {
                while (true)
                {
                    var count = await from.ReceiveAsync(buffer, _closed.Token);
                    var infection = proxy._infection is { } present && present.Affects(direction) ? present : null;
                    if (infection != last)
                    {
                        (last, passed) = (infection, 0);
                    }

                    if (count == 0)
                    {
                        if (infection is { Toxic: Toxic.SlowClose slow } && await infection.DelayAsync(slow.Delay, _closed.Token))
                        {
                            proxy.Note(Effects.EndDelayed);
                        }

                        break;
                    }

                    var data = buffer.AsMemory(0, count);
                    switch (infection?.Toxic)
                    {
                        case Toxic.Latency late:
                            var opening = isOpening ? late.Opening : TimeSpan.Zero;
                            await infection.DelayAsync(opening + late.Delay + (late.Jitter * ((2 * Random.Shared.NextDouble()) - 1)), _closed.Token);
                            proxy.Note(Effects.DataDelayed);
                            break;
                        case Toxic.Bandwidth { BytesPerSecond: var rate }:
                            data = await SendInPiecesAsync(infection, data, to, () => rate / 10, TimeSpan.FromMilliseconds(100));
                            break;
                        case Toxic.Slicer slicer:
                            var spread = slicer.SizeVariation;
                            data = await SendInPiecesAsync(
                                infection, data, to, () => slicer.AverageSize + Random.Shared.Next(-spread, spread + 1), slicer.Delay);
                            break;
                        case Toxic.Timeout:
                            proxy.Note(Effects.DataDropped);
                            continue;
                        case Toxic.LimitData { Bytes: var limit }:
                            passed += count;
                            if (passed > limit)
                            {
                                proxy.Note(Effects.ConnectionCut);
                                await SendAsync(to, data[..Math.Max(0, count - (passed - limit))]);
                                return;
                            }

                            break;
                    }

                    await SendAsync(to, data);
                    isOpening = false;
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                // One of the two sides closed the connection.
            }
            finally
            {
                Dispose();
            }
        }

        /// <returns>The data that is left to send when the toxic is removed.</returns>
        private async Task<Memory<byte>> SendInPiecesAsync(Infection infection, Memory<byte> data, Socket to, Func<int> size, TimeSpan delay)
        {
            while (data.Length > 0 && await infection.DelayAsync(delay, _closed.Token))
            {
                proxy.Note(Effects.DataDelayed);
                var length = Math.Min(size(), data.Length);
                await SendAsync(to, data[..length]);
                data = data[length..];
            }

            return data;
        }

        private async Task SendAsync(Socket to, Memory<byte> data)
        {
            while (data.Length > 0)
            {
                data = data[await to.SendAsync(data, _closed.Token)..];
            }
        }
    }
}
