using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// A small MongoDB server in this process, for tests and benchmarks: it speaks the wire protocol on loopback, has the commands that the
/// store needs, and fails on demand. Data is in memory, in _id order. An unsupported command, option or operator is refused, never ignored.
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

    /// <summary>The port on 127.0.0.1, which <see cref="Restart"/> does not change.</summary>
    public int Port { get; private set; }

    /// <summary>The connection string for clients.</summary>
    public string ConnectionString =>
        $"mongodb://127.0.0.1:{Port}/{_options.Database}?"
        + (_options.ReplicaSet is { } set ? $"replicaSet={set}" : "directConnection=true");

    /// <summary>Network delay of every reply except those to heartbeats; maxTimeMS does not shorten it.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>How long every command that reads or writes works before it has an effect; maxTimeMS can end it earlier.</summary>
    public TimeSpan ExecutionTime
    {
        get => _commands.ExecutionTime;
        set => _commands.ExecutionTime = value;
    }

    /// <summary>
    /// Whether a majority of the set replicates the primary's writes. While it does not, a write with more than <c>w: 1</c> is applied, but
    /// its reply is sent only when there is a majority again or its wtimeout or maxTimeMS has expired.
    /// </summary>
    public bool HasMajority
    {
        get => _replication.HasMajority;
        set => _replication.HasMajority = value;
    }

    /// <summary>How many connections are open, including monitoring connections.</summary>
    public int OpenConnections => _connections.Count;

    /// <summary>How many connections were ever accepted, including monitoring connections.</summary>
    public int AcceptedConnections => Volatile.Read(ref _lastConnectionId);

    /// <summary>How many writes were retries of applied writes and got the stored reply.</summary>
    public long ReplayedWrites => _retryableWrites.Replayed;

    /// <summary>The last commands, oldest first; at most <see cref="MongoWireServerOptions.RecordedCommands"/>.</summary>
    public IReadOnlyList<BsonDocument> RecentCommands => _log.Recent;

    internal Topology Topology { get; }

    /// <summary>Starts a server.</summary>
    public static Task<MongoWireServer> StartAsync(MongoWireServerOptions? options = null)
    {
        var server = new MongoWireServer(options ?? new());
        server.Listen();

        return Task.FromResult(server);
    }

    /// <summary>How many commands with this name were received.</summary>
    public long CommandCount(string name) => _log.CountOf(name);

    /// <summary>How many documents a collection has.</summary>
    public int DocumentCount(string database, string collection) => _storage[database, collection].Count;

    /// <summary>Inserts documents without a client.</summary>
    public void Seed(string database, string collection, IEnumerable<BsonDocument> documents)
    {
        var target = _storage[database, collection];
        foreach (var document in documents)
        {
            target.Insert(document);
        }
    }

    /// <summary>Sets a failpoint, like the command configureFailPoint.</summary>
    /// <param name="name"><c>failCommand</c>, <c>onPrimaryTransactionalWrite</c> or <c>racingUpsert</c>.</param>
    /// <param name="mode"><c>"off"</c>, <c>"alwaysOn"</c> or <c>{ times: n }</c>.</param>
    /// <param name="data">What the failpoint does.</param>
    public void ConfigureFailPoint(string name, BsonValue mode, BsonDocument? data = null)
    {
        _failPoints.Configure(new() { { "configureFailPoint", name }, { "mode", mode }, { "data", data ?? [] } });
    }

    /// <summary>Simulates the end of the process: closes the port, resets connections and deletes cursors, but keeps the data.</summary>
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

    /// <summary>Simulates a new start of the process, on the same port and with the same data.</summary>
    public void Restart()
    {
        Stop();
        Topology.Restart();
        Listen();
    }

    /// <summary>Closes all open connections, like a server with a maximum connection age: received requests still get their replies.</summary>
    public void RecycleConnections()
    {
        foreach (var connection in _connections.Keys)
        {
            connection.Retire();
        }
    }

    /// <summary>
    /// Lets the server accept connections and read requests, but send no replies until <see cref="Resume"/>. Until then it does not notice
    /// when a client closes a connection that has a pending request.
    /// </summary>
    public void Pause() => _pause ??= new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends <see cref="Pause"/>: runs the requests received meanwhile and sends their replies.</summary>
    public void Resume() => Interlocked.Exchange(ref _pause, null)?.SetResult();

    /// <summary>Makes the primary a secondary, which is elected again after <paramref name="duration"/>.</summary>
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
    /// Runs the next command, sends only the first <paramref name="bytes"/> of its reply and closes the connection. Heartbeats are not affected.
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

    /// <summary>After how many bytes the reply to this command is cut; null to send all of it.</summary>
    internal int? CutOf(string command)
    {
        return Volatile.Read(ref _cutAfter) >= 0 && !IsHello(command) && Interlocked.Exchange(ref _cutAfter, -1) is >= 0 and var bytes
            ? bytes
            : null;
    }

    /// <returns>The reply; null when the connection must be closed without one.</returns>
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

                // Stores the task only if the connection has not already ended and removed its entry.
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
