using System.Diagnostics;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>When the maxTimeMS of a command expires, counted from when the server started the command.</summary>
internal readonly struct Deadline
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TimeSpan? _limit;

    /// <exception cref="CommandFailure">The command's maxTimeMS is out of range.</exception>
    public Deadline(BsonDocument command)
    {
        if (command.TryGetValue("maxTimeMS", out var value))
        {
            var milliseconds = value.ToInt64();
            if (milliseconds is < 0 or > int.MaxValue)
            {
                throw new CommandFailure(ErrorCode.BadValue, $"{milliseconds} value for maxTimeMS is out of range");
            }

            _limit = milliseconds == 0 ? null : TimeSpan.FromMilliseconds(milliseconds);
        }
    }

    public bool IsSet => _limit is not null;

    /// <summary>The remaining time, at least zero; the maximum value when there is no limit.</summary>
    public TimeSpan Remaining => _limit is { } limit
        ? TimeSpan.FromTicks(Math.Max(0, (limit - Stopwatch.GetElapsedTime(_start)).Ticks))
        : TimeSpan.MaxValue;

    /// <summary><see cref="Remaining"/> as a timeout for waiting.</summary>
    public TimeSpan Wait => IsSet ? Remaining : Timeout.InfiniteTimeSpan;
}
