using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Whether the other members of the set replicate writes: all of them, or none while there is no majority.</summary>
internal sealed class Replication
{
    private volatile TaskCompletionSource? _majority;

    public bool HasMajority
    {
        get => _majority is null;
        set
        {
            if (value)
            {
                Interlocked.Exchange(ref _majority, null)?.SetResult();
            }
            else
            {
                _majority ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>
    /// Waits for a write's write concern until its wtimeout or maxTimeMS expires (mongod's replication_coordinator_impl.cpp; tested by its
    /// jstests, "Tests timeout behavior of waiting for write concern as well as its interaction with maxTimeMs").
    /// </summary>
    /// <param name="command">The applied write.</param>
    /// <param name="deadline">When its maxTimeMS expires.</param>
    /// <param name="cancellationToken">Cancelled when the client has closed the connection.</param>
    /// <returns>The writeConcernError, if any.</returns>
    public async ValueTask<BsonDocument?> WaitAsync(BsonDocument command, Deadline deadline, CancellationToken cancellationToken)
    {
        // Since mongod 5.0, the default write concern of a set is majority.
        var concern = command.GetValue("writeConcern", new BsonDocument()).AsBsonDocument;
        if (_majority is not { } majority || (concern.TryGetValue("w", out var w) && w.IsNumeric && w.ToInt32() <= 1))
        {
            return null;
        }

        var timeout = concern.GetValue("wtimeout", 0).ToInt32() is > 0 and var given ? TimeSpan.FromMilliseconds(given) : Timeout.InfiniteTimeSpan;
        var isTimeout = timeout >= TimeSpan.Zero && timeout <= deadline.Remaining;
        try
        {
            await majority.Task.WaitAsync(isTimeout ? timeout : deadline.Wait, cancellationToken);
            return null;
        }
        catch (TimeoutException)
        {
            return isTimeout
                ? Error(ErrorCode.WriteConcernFailed, "waiting for replication timed out").Add(
                    "errInfo", new BsonDocument { { "wtimeout", true }, { "writeConcern", concern } })
                : Error(ErrorCode.MaxTimeMSExpired, "operation exceeded time limit");
        }

        static BsonDocument Error(ErrorCode code, string message) =>
            new() { { "code", (int)code }, { "codeName", code.Name() }, { "errmsg", message } };
    }
}
