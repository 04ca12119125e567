using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>What hello returns about the server, and the monitors that wait for changes.</summary>
internal sealed class Topology(string? replicaSet)
{
    private readonly Lock _gate = new();
    private ObjectId _processId = ObjectId.GenerateNewId();
    private long _counter;
    private int _election = 1;
    private TaskCompletionSource _changed = NewSource();

    public bool IsPrimary { get; private set; } = true;

    public BsonDocument Version
    {
        get
        {
            lock (_gate)
            {
                return new() { { "processId", _processId }, { "counter", _counter } };
            }
        }
    }

    /// <summary>Whether the hello is from a streaming monitor: its reply is sent when the topology changes or its time expires.</summary>
    public static bool IsAwaitable(BsonDocument command) => command.Contains("maxAwaitTimeMS") && command.Contains("topologyVersion");

    /// <summary>Waits for a change until the time of an awaitable hello expires, or until <paramref name="interrupt"/> completes.</summary>
    public async Task WaitForChangeAsync(BsonDocument hello, Task interrupt)
    {
        Task changed;
        lock (_gate)
        {
            changed = _changed.Task;
        }

        if (hello["topologyVersion"] == Version)
        {
            using var stop = new CancellationTokenSource();
            await Task.WhenAny(changed, interrupt, Task.Delay(TimeSpan.FromMilliseconds(hello["maxAwaitTimeMS"].ToInt64()), stop.Token));
            await stop.CancelAsync();
        }
    }

    public void SetPrimary(bool isPrimary) => Change(() =>
    {
        _election += isPrimary && !IsPrimary ? 1 : 0;
        IsPrimary = isPrimary;
        _counter++;
    });

    /// <summary>Sets a new process id, so that clients discard the topology from before the restart.</summary>
    public void Restart() => Change(() =>
    {
        _processId = ObjectId.GenerateNewId();
        _counter = 0;
        _election++;
        IsPrimary = true;
    });

    public BsonDocument Hello(BsonDocument command, string address)
    {
        lock (_gate)
        {
            var isPrimaryField = command.GetElement(0).Name == "hello" ? "isWritablePrimary" : "ismaster";
            var reply = new BsonDocument { { isPrimaryField, IsPrimary } };
            if (replicaSet is not null)
            {
                reply.Add("setName", replicaSet).Add("setVersion", 1).Add("hosts", new BsonArray { address }).Add("me", address);
                reply.Add("secondary", !IsPrimary);
                if (IsPrimary)
                {
                    reply.Add("primary", address).Add("electionId", new ObjectId($"7fffffff{_election:x16}"));
                }
            }

            return reply.AddRange(new BsonDocument
            {
                { "helloOk", true, command.GetValue("helloOk", false).ToBoolean() },
                { "topologyVersion", Version },
                { "maxBsonObjectSize", 16 * 1024 * 1024 },
                { "maxMessageSizeBytes", WireMessage.MaxSize },
                { "maxWriteBatchSize", 100_000 },
                { "localTime", DateTime.UtcNow },
                { "logicalSessionTimeoutMinutes", 30 },
                { "minWireVersion", 0 },
                { "maxWireVersion", 25 }, // MongoDB 8.0
                { "readOnly", false },
                { "ok", 1.0 },
            });
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            _changed.SetResult();
            _changed = NewSource();
        }
    }
}
