using System.Collections.Concurrent;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>The last write of every session and its reply: a retry with the same number gets this reply and is not applied again.</summary>
internal sealed class RetryableWrites
{
    private readonly ConcurrentDictionary<BsonValue, Session> _sessions = new();
    private long _replayed;

    public long Replayed => Interlocked.Read(ref _replayed);

    /// <param name="id">The session (lsid.id).</param>
    /// <param name="number">The number of the write in its session (txnNumber).</param>
    /// <param name="write">Applies the write; if it throws, the write is not stored.</param>
    /// <param name="isReplay">Whether the reply is a stored one.</param>
    public BsonDocument Once(BsonValue id, long number, Func<BsonDocument> write, out bool isReplay)
    {
        var session = _sessions.GetOrAdd(id, _ => new Session());
        lock (session)
        {
            if (number < session.Number)
            {
                throw new CommandFailure(
                    ErrorCode.TransactionTooOld,
                    $"Retryable write with txnNumber {number} is prohibited on session {id} because a newer retryable write "
                    + $"with txnNumber {session.Number} has already started on this session.");
            }

            isReplay = number == session.Number && session.Reply is not null;
            if (isReplay)
            {
                Interlocked.Increment(ref _replayed);
            }
            else
            {
                (session.Number, session.Reply) = (number, null);
                session.Reply = write();
            }

            return session.Reply!;
        }
    }

    public void End(BsonValue id) => _sessions.TryRemove(id, out _);

    private sealed class Session
    {
        public long Number { get; set; } = -1;

        public BsonDocument? Reply { get; set; }
    }
}
