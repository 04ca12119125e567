using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Carries out writes, many in one transaction; used by one thread.</summary>
internal sealed class WriteSession(SqliteConnection connection, Action onUnreadable, TimeProvider clock) : ReadSession(connection, onUnreadable)
{
    private readonly sqlite3_stmt _put = Prepare(connection, "INSERT OR REPLACE INTO users VALUES (?, ?, ?, ?, ?)");
    private readonly sqlite3_stmt _delete = Prepare(connection, "DELETE FROM users WHERE id = ?");

    // Immediate: takes the write lock at the beginning, where it can wait for another process.
    private readonly SqliteCommand _begin = Command(connection, "BEGIN IMMEDIATE");
    private readonly SqliteCommand _commit = Command(connection, "COMMIT");
    private readonly SqliteCommand _rollback = Command(connection, "ROLLBACK");
    private readonly SqliteCommand _checkpoint = Command(connection, "PRAGMA wal_checkpoint(TRUNCATE)");

    /// <summary>
    /// Carries out all writes in one transaction, and completes them when all are on the disk. A write that cannot be applied itself fails
    /// alone; what prevents the commit fails all of them.
    /// </summary>
    public void Commit(List<Write> writes)
    {
        var committing = false;
        try
        {
            _begin.ExecuteNonQuery();
            foreach (var write in writes)
            {
                Apply(write);
            }

            committing = true;
            _commit.ExecuteNonQuery();
        }
        catch (Exception e)
        {
            // Fails if no transaction was begun, or if SQLite has already rolled back, as it does when the disk is full.
            TryExecute(_rollback);
            writes.ForEach(write => write.Completion.TrySetException(new StoreUnavailableException(mayHaveBeenApplied: committing, e)));
            return;
        }

        foreach (var write in writes)
        {
            if (!write.Completion.Task.IsCompleted)
            {
                write.Completion.SetResult(write.Result);
            }
        }
    }

    public override void Dispose()
    {
        // The log contains deleted data until it is overwritten. SQLite removes it with the last connection, which may be another process's.
        TryExecute(_checkpoint);
        _put.Dispose();
        _delete.Dispose();
        foreach (var command in (ReadOnlySpan<SqliteCommand>)[_begin, _commit, _rollback, _checkpoint])
        {
            command.Dispose();
        }

        base.Dispose();
    }

    private static void TryExecute(SqliteCommand command)
    {
        try
        {
            command.ExecuteNonQuery();
        }
        catch (SqliteException)
        {
            // The caller has no other way to handle a failure.
        }
    }

    private void Apply(Write write)
    {
        if (write.CancellationToken.IsCancellationRequested)
        {
            write.Completion.SetCanceled(write.CancellationToken);
            return;
        }

        var isChanging = false;
        try
        {
            write.Result = Apply(write, ref isChanging);
        }
        catch (Exception e) when (IsInTransaction && (!isChanging || IsUndone(e)))
        {
            // The transaction contains nothing of this write.
            write.Completion.SetException(e is SqliteException ? new StoreUnavailableException(mayHaveBeenApplied: false, e) : e);
        }
    }

    private WriteResult Apply(Write write, ref bool isChanging)
    {
        // A delete does not read the stored user. A put compares it, and replaces one that cannot be read.
        var isDelete = write is { Body: null, Change: null };
        var current = FindState(write.Id.Value, readUser: !isDelete);
        if (write.Body is null && current is null)
        {
            return new(WriteOutcome.NotFound);
        }

        if (!write.Precondition.IsSatisfiedBy(current?.Version))
        {
            return new(WriteOutcome.PreconditionFailed);
        }

        if (isDelete)
        {
            isChanging = true;
            return Delete(write.Id);
        }

        var user = current?.User;
        if (write.Change is not null && user is null)
        {
            return new(WriteOutcome.NotFound);
        }

        if ((write.Body ?? write.Change!(user!.Body)) is not { } body)
        {
            return new(WriteOutcome.Invalid);
        }

        if (user is not null && user.Body.IsSameAs(body))
        {
            return new(WriteOutcome.Unchanged, user.Version, user);
        }

        isChanging = true;
        return Put(write.Id, body, current);
    }

    /// <summary>
    /// Whether SQLite has undone the one statement that failed and kept the transaction, as it does for a constraint
    /// (https://sqlite.org/lang_conflict.html, ABORT). After a full disk or an I/O error it asks for a rollback of the whole
    /// (https://sqlite.org/lang_transaction.html, section 3.1).
    /// </summary>
    private static bool IsUndone(Exception e) => e is SqliteException { SqliteErrorCode: raw.SQLITE_CONSTRAINT };

    private WriteResult Delete(UserId id)
    {
        Bind(_delete, id.Value);
        Execute(_delete);
        return new(WriteOutcome.Deleted);
    }

    private WriteResult Put(UserId id, UserInput body, StoredState? current)
    {
        var user = User.Create(id, body, clock.GetUtcNow());
        user = current is { } state && TimeOf(state.CreatedAt) is { } createdAt ? user with { CreatedAt = createdAt } : user;
        Bind(_put, user.Id);
        Check(raw.sqlite3_bind_text(_put, 2, user.Version));
        Check(raw.sqlite3_bind_int64(_put, 3, UnixMilliseconds(user.CreatedAt)));
        Check(raw.sqlite3_bind_int64(_put, 4, UnixMilliseconds(user.UpdatedAt)));
        Check(raw.sqlite3_bind_text(_put, 5, UserDocument.Write(body)));
        Execute(_put);
        return new(current is null ? WriteOutcome.Created : WriteOutcome.Replaced, user.Version, user);
    }

    private void Execute(sqlite3_stmt statement)
    {
        try
        {
            Step(statement);
        }
        finally
        {
            Reset(statement);
        }
    }

    private static long UnixMilliseconds(DateTime time) => (long)(time - DateTime.UnixEpoch).TotalMilliseconds;

    private static SqliteCommand Command(SqliteConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Prepare();
        return command;
    }
}
