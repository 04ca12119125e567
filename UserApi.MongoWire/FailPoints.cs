using System.Collections.Immutable;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// The failpoints that configureFailPoint sets. <c>failCommand</c> and <c>onPrimaryTransactionalWrite</c> are the real server's.
/// <c>racingUpsert</c> exists here only: when an upsert finds nothing, another writer's document
/// (<c>data.document</c>, by default the upsert's own) is inserted first, so that the upsert fails with E11000, as it can on a real server.
/// </summary>
internal sealed class FailPoints
{
    public const string FailCommand = "failCommand";
    public const string OnPrimaryTransactionalWrite = "onPrimaryTransactionalWrite";
    public const string RacingUpsert = "racingUpsert";

    private static readonly ImmutableDictionary<string, string[]> s_dataFields = ImmutableDictionary.CreateRange(
    [
        KeyValuePair.Create(FailCommand, new[]
        {
            "failCommands", "appName", "closeConnection", "errorCode", "blockConnection", "blockTimeMS", "writeConcernError",
        }),
        KeyValuePair.Create(OnPrimaryTransactionalWrite, new[] { "closeConnection", "failBeforeCommitExceptionCode" }),
        KeyValuePair.Create(RacingUpsert, new[] { "document" }),
    ]);

    private ImmutableDictionary<string, FailPoint> _active = ImmutableDictionary<string, FailPoint>.Empty;

    public BsonDocument Configure(BsonDocument command)
    {
        var name = command["configureFailPoint"].AsString;
        if (!s_dataFields.TryGetValue(name, out var known))
        {
            throw new CommandFailure(ErrorCode.BadValue, $"Failpoint {name} is not known.");
        }

        var data = command.GetValue("data", new BsonDocument()).AsBsonDocument;
        if (data.Names.Except(known).FirstOrDefault() is { } unknown)
        {
            throw new CommandFailure(ErrorCode.BadValue, $"Failpoint {name} has no data field {unknown}.");
        }

        if (name == FailCommand && command["mode"] != "off" && !data.Contains("failCommands"))
        {
            throw new CommandFailure(ErrorCode.BadValue, "failCommand needs failCommands.");
        }

        _active.TryGetValue(name, out var previous);
        var next = FailPoint.Parse(command["mode"], data);
        ImmutableInterlocked.Update(ref _active, active => next is null ? active.Remove(name) : active.SetItem(name, next));

        return new() { { "count", previous?.Entered ?? 0 }, { "ok", 1.0 } };
    }

    /// <returns>The data of the failpoint if it applies to this call.</returns>
    public BsonDocument? Enter(string name)
    {
        return !_active.IsEmpty && _active.TryGetValue(name, out var point) && point.Enter() ? point.Data : null;
    }

    public BsonDocument? EnterFailCommand(string command, string? appName)
    {
        return !_active.IsEmpty && _active.TryGetValue(FailCommand, out var point)
            && point.Data["failCommands"].AsBsonArray.Any(name => string.Equals(name.AsString, command, StringComparison.OrdinalIgnoreCase))
            && (!point.Data.TryGetValue("appName", out var onlyFor) || onlyFor == appName)
            && point.Enter()
                ? point.Data
                : null;
    }

    private sealed class FailPoint(BsonDocument data, long times = long.MaxValue, long skip = 0)
    {
        private long _passed;
        private int _entered;

        public BsonDocument Data { get; } = data;

        public int Entered => Volatile.Read(ref _entered);

        public static FailPoint? Parse(BsonValue mode, BsonDocument data) => mode switch
        {
            BsonString { Value: "off" } => null,
            BsonString { Value: "alwaysOn" } => new(data),
            BsonDocument { ElementCount: 1 } limit when limit.TryGetValue("times", out var n) => new(data, n.ToInt64()),
            BsonDocument { ElementCount: 1 } begin when begin.TryGetValue("skip", out var n) => new(data, skip: n.ToInt64()),
            _ => throw new CommandFailure(ErrorCode.BadValue, $"Failpoint mode {mode} is not known."),
        };

        public bool Enter()
        {
            var isOn = Interlocked.Increment(ref _passed) - skip is > 0 and var time && time <= times;
            if (isOn)
            {
                Interlocked.Increment(ref _entered);
            }

            return isOn;
        }
    }
}
