using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// A small MongoDB in this process for tests and benchmarks: it speaks the wire protocol on loopback, carries the commands a store by _id
/// needs, and breaks on demand. Data is in memory, in _id order; a command, option or operator it does not know is refused, never ignored.
/// </summary>
public sealed class MongoWireServer : IAsyncDisposable
{
    private static readonly string[] s_helloNames = ["hello", "isMaster", "ismaster"];

    private readonly MongoWireServerOptions _options;
    private readonly Storage _storage = new();
    private readonly FailPoints _failPoints = new();
    private readonly RetryableWrites _retryableWrites = new();
    private readonly Replication _replication = new();
    private readonly Commands _commands;
    private readonly ConcurrentDictionary<WireConnection, Task> _connections = new();
    private readonly CommandLog _log;
    private readonly Lock _gate = new();
    private Socket? _listener;
    private Task _accepting = Task.CompletedTask;
    private volatile TaskCompletionSource? _pause;
    private int _cutAfter = -1;
    private int _stepDowns;
    private int _lastConnectionId;
    private int _lastMessageId;

    private MongoWireServer(MongoWireServerOptions options)
    {
        _options = options;
        _log = new(options.RecordedCommands);
        Port = options.Port;
        Topology = new(options.ReplicaSet);
        _commands = new(
            options,
            _failPoints,
            Topology,
            _replication,
            _retryableWrites,
            [
                .. s_helloNames.Select(name => new Command(name, CommandKind.Hello, Hello)),
                .. new CrudCommands(_storage, _failPoints).All,
                .. new CatalogCommands(_storage).All,
                .. new AdminCommands(_storage, _failPoints, _retryableWrites).All,
            ]);
    }

    /// <summary>The port on 127.0.0.1; it stays the same over <see cref="Restart"/>.</summary>
    public int Port { get; private set; }

    /// <summary>What a client connects with.</summary>
    public string ConnectionString =>
        $"mongodb://127.0.0.1:{Port}/{_options.Database}?"
        + (_options.ReplicaSet is { } set ? $"replicaSet={set}" : "directConnection=true");

    /// <summary>How long the network holds back every reply but those of heartbeats; maxTimeMS does not shorten it.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>How long every command that reads or writes works before it does anything; its maxTimeMS ends it earlier.</summary>
    public TimeSpan ExecutionTime
    {
        get => _commands.ExecutionTime;
        set => _commands.ExecutionTime = value;
    }

    /// <summary>
    /// Whether a majority of the set has what the primary writes. While it has not, a write that asks for more than <c>w: 1</c> is applied, but
    /// answered only when there is a majority again or its wtimeout or maxTimeMS is over.
    /// </summary>
    public bool HasMajority
    {
        get => _replication.HasMajority;
        set => _replication.HasMajority = value;
    }

    /// <summary>How many connections are open, monitoring ones included.</summary>
    public int OpenConnections => _connections.Count;

    /// <summary>How many connections were ever made, monitoring ones included.</summary>
    public int AcceptedConnections => Volatile.Read(ref _lastConnectionId);

    /// <summary>How many writes came again under the number of one already applied, and were answered but not applied again.</summary>
    public long ReplayedWrites => _retryableWrites.Replayed;

    /// <summary>The last commands, oldest first; <see cref="MongoWireServerOptions.RecordedCommands"/> says how many.</summary>
    public IReadOnlyList<BsonDocument> RecentCommands => _log.Recent;

    internal Topology Topology { get; }

    /// <summary>Starts a server.</summary>
    public static Task<MongoWireServer> StartAsync(MongoWireServerOptions? options = null)
    {
        var server = new MongoWireServer(options ?? new());
        server.Listen();

        return Task.FromResult(server);
    }

    /// <summary>How many commands of that name were received.</summary>
    public long CommandCount(string name) => _log.CountOf(name);

    /// <summary>How many documents a collection holds.</summary>
    public int DocumentCount(string database, string collection) => _storage[database, collection].Count;

    /// <summary>Puts documents into a collection without a client.</summary>
    public void Seed(string database, string collection, IEnumerable<BsonDocument> documents)
    {
        var target = _storage[database, collection];
        foreach (var document in documents)
        {
            target.Insert(document);
        }
    }

    /// <summary>Sets a failpoint, as the command of that name does.</summary>
    /// <param name="name"><c>failCommand</c>, <c>onPrimaryTransactionalWrite</c> or <c>racingUpsert</c>.</param>
    /// <param name="mode"><c>"off"</c>, <c>"alwaysOn"</c> or <c>{ times: n }</c>.</param>
    /// <param name="data">What the failpoint does.</param>
    public void ConfigureFailPoint(string name, BsonValue mode, BsonDocument? data = null)
    {
        _failPoints.Configure(new() { { "configureFailPoint", name }, { "mode", mode }, { "data", data ?? [] } });
    }

    /// <summary>The process ends: the port is closed, connections are reset and cursors are gone; the data stays.</summary>
    public void Stop()
    {
        lock (_gate)
        {
            _listener?.Dispose();
            _listener = null;
            foreach (var connection in _connections.Keys)
            {
                connection.Abort();
            }

            _storage.KillAllCursors();
        }
    }

    /// <summary>The process starts again, on the same port and with its data.</summary>
    public void Restart()
    {
        Stop();
        Topology.Restart();
        Listen();
    }

    /// <summary>Closes the connections there are, as a server does that lets none grow old: what was received is answered.</summary>
    public void RecycleConnections()
    {
        foreach (var connection in _connections.Keys)
        {
            connection.Retire();
        }
    }

    /// <summary>
    /// The server becomes a black hole: it accepts and reads, and answers nothing until <see cref="Resume"/>. Until then it does not notice
    /// clients that close a connection with a request in it.
    /// </summary>
    public void Pause() => _pause ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends <see cref="Pause"/>: what was received meanwhile is run and answered now.</summary>
    public void Resume() => Interlocked.Exchange(ref _pause, null)?.SetResult();

    /// <summary>The primary becomes a secondary, and is elected again after <paramref name="duration"/>.</summary>
    public void StepDown(TimeSpan duration)
    {
        var stepDown = Interlocked.Increment(ref _stepDowns);
        Topology.SetPrimary(false);
        _ = ElectAsync();

        async Task ElectAsync()
        {
            await Task.Delay(duration);
            if (stepDown == Volatile.Read(ref _stepDowns))
            {
                Topology.SetPrimary(true);
            }
        }
    }

    /// <summary>
    /// Runs the next command, sends only the first <paramref name="bytes"/> of its reply and closes the connection. Heartbeats are spared.
    /// </summary>
    public void CutNextReply(int bytes) => Volatile.Write(ref _cutAfter, bytes);

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        Stop();
        await _accepting;
        await Task.WhenAll(_connections.Values);
    }

    internal int NextMessageId() => Interlocked.Increment(ref _lastMessageId);

    /// <summary>After how many bytes the reply to this command is cut; null when it is not.</summary>
    internal int? CutOf(string command)
    {
        return Volatile.Read(ref _cutAfter) >= 0 && !IsHello(command) && Interlocked.Exchange(ref _cutAfter, -1) is >= 0 and var bytes
            ? bytes
            : null;
    }

    /// <returns>The reply; null when the connection has to close without one.</returns>
    internal async ValueTask<BsonDocument?> ExecuteAsync(
        WireConnection connection, WireRequest request, CancellationToken cancellationToken)
    {
        var isHello = IsHello(request.Name);
        if (_pause is { } pause)
        {
            await pause.Task.WaitAsync(cancellationToken);
        }

        _log.Add(request);
        if (isHello && request.Command.GetValue("client", null)?.AsBsonDocument.GetValue("application", null) is BsonDocument application)
        {
            connection.AppName = application["name"].AsString;
        }

        var reply = await _commands.ExecuteAsync(request, connection.AppName, cancellationToken);
        if (isHello)
        {
            reply?.Set("connectionId", connection.Id);
        }

        if (Latency > TimeSpan.Zero && !isHello)
        {
            await Task.Delay(Latency, cancellationToken);
        }

        return reply;
    }

    private static bool IsHello(string command) => s_helloNames.Contains(command);

    private BsonDocument Hello(BsonDocument command) => Topology.Hello(command, $"127.0.0.1:{Port}");

    private void Listen()
    {
        lock (_gate)
        {
            var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
            listener.Listen(512);
            Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
            _listener = listener;
            _accepting = AcceptAsync(listener);
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return; // stopped
            }

            socket.NoDelay = true;
            var connection = new WireConnection(this, socket, Interlocked.Increment(ref _lastConnectionId));
            lock (_gate)
            {
                if (_listener != listener)
                {
                    connection.Abort();
                    return;
                }

                // The task takes its place only if the connection has not ended, and left, already.
                _connections[connection] = Task.CompletedTask;
                _connections.TryUpdate(connection, ServeAsync(connection), Task.CompletedTask);
            }
        }
    }

    private async Task ServeAsync(WireConnection connection)
    {
        await connection.RunAsync();
        _connections.TryRemove(connection, out _);
    }
}
