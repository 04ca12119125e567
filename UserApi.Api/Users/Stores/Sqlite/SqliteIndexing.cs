using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// Indexes the users of a file that was migrated, while it is in use: a few at a time, each time as one of the writes that are queued. It goes on
/// where it was when the process before ended.
/// </summary>
/// <param name="file">The file.</param>
/// <param name="writes">The queue of writes.</param>
/// <param name="uniqueEmails">See <see cref="UserOptions.UniqueEmails"/>.</param>
/// <param name="logger">Where progress goes.</param>
internal sealed partial class SqliteIndexing(SqliteFile file, WriteQueue writes, bool uniqueEmails, ILogger<SqliteUserStore> logger)
{
    // Other writes wait for so many: some 10 ms.
    private const int BatchSize = 200;

    private static readonly TimeSpan s_progress = TimeSpan.FromSeconds(10);

    private volatile bool _isReady;

    /// <exception cref="IndexNotReadyException">The query needs what is not there yet: all but a walk of all users in id order.</exception>
    public void Require(UserQuery query)
    {
        if (!_isReady && (query.HasConditions || query.Order != UserOrder.Id))
        {
            throw new IndexNotReadyException();
        }
    }

    /// <summary>Makes what is missing, see <see cref="IUserStore.MakeIndexesAsync"/>.</summary>
    public async Task MakeAsync(CancellationToken cancellationToken)
    {
        await IndexAsync(cancellationToken);
        if (uniqueEmails)
        {
            // Until it is known that all are unique, nobody sets one.
            var duplicates = Read(connection => connection.ReadNumber(
                "SELECT count(*) FROM (SELECT 1 FROM users INDEXED BY search_email WHERE email_key IS NOT NULL GROUP BY email_key HAVING count(*) > 1)"));
            if (duplicates > 0)
            {
                throw new DuplicateEmailsException((int)duplicates, HowToListDuplicates);
            }

            await RunAsync(session => session.AreEmailsUnique = true, cancellationToken);
        }

        _isReady = true;
    }

    private string HowToListDuplicates =>
        $"sqlite3 -readonly '{file.Path}' \"SELECT email_key, group_concat(id, ' ') FROM users WHERE email_key IS NOT NULL GROUP BY email_key HAVING count(*) > 1\"";

    private async Task IndexAsync(CancellationToken cancellationToken)
    {
        var next = Read(connection => connection.ReadText("SELECT max(indexed_to) FROM search_progress"));
        var (count, start) = (0, Stopwatch.GetTimestamp());
        for (var progress = start; next is { } after;)
        {
            await RunAsync(session => next = session.IndexBehind(after, BatchSize), cancellationToken);
            count += BatchSize;
            if (next is not null && count == BatchSize)
            {
                LogStarted();
            }
            else if (next is not null && Stopwatch.GetElapsedTime(progress) > s_progress)
            {
                LogProgress(count);
                progress = Stopwatch.GetTimestamp();
            }
        }

        if (count > BatchSize)
        {
            LogDone(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
    }

    private async Task RunAsync(Action<WriteSession> step, CancellationToken cancellationToken) =>
        await writes.RunAsync(new(default, null, null, default, cancellationToken) { Step = step });

    private T Read<T>(Func<SqliteConnection, T> read)
    {
        try
        {
            using var connection = file.Open();
            return read(connection);
        }
        catch (SqliteException e)
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: false, e);
        }
    }

    [LoggerMessage(11, LogLevel.Information, "The users of an older version's file are being indexed; searches are answered when all are.")]
    private partial void LogStarted();

    [LoggerMessage(12, LogLevel.Information, "Users are being indexed: about {Count} are by now.")]
    private partial void LogProgress(int count);

    [LoggerMessage(13, LogLevel.Information, "All users are indexed now, after {Seconds:0.0} s.")]
    private partial void LogDone(double seconds);
}
