using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Carries out writes, many in one transaction; used by one thread.</summary>
internal sealed class WriteSession(SqliteConnection connection, Action onUnreadable, TimeProvider clock) : ReadSession(connection, onUnreadable)
{
    private readonly sqlite3_stmt _state = Prepare(connection, "SELECT created_at, version FROM users WHERE id = ?");

    // Immediate: takes the write lock at once, where waiting for another process is possible.
    private readonly SqliteCommand _begin = Command(connection, "BEGIN IMMEDIATE");
    private readonly SqliteCommand _commit = Command(connection, "COMMIT");
    private readonly SqliteCommand _rollback = Command(connection, "ROLLBACK");
    private readonly SqliteCommand _checkpoint = Command(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
    private readonly SqliteCommand _put = Command(
        connection,
        "INSERT OR REPLACE INTO users VALUES ($id, $name, $email, $attributes, $created_at, $updated_at, $version)",
        "$id", "$name", "$email", "$attributes", "$created_at", "$updated_at", "$version");

    private readonly SqliteCommand _delete = Command(connection, "DELETE FROM users WHERE id = $id", "$id");

    /// <summary>
    /// Carries out all writes in one transaction, and answers each: none before all are on the disk. A write that cannot be applied for a
    /// reason of its own fails alone; what keeps the transaction from being committed fails all of them.
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
            // Fails when no transaction was begun, or SQLite has rolled back itself, as it does when the disk is full.
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
        // The log holds what was deleted until it is written over. SQLite removes it with the last connection, which may be another process's.
        TryExecute(_checkpoint);
        _state.Dispose();
        foreach (var command in (ReadOnlySpan<SqliteCommand>)[_begin, _commit, _rollback, _checkpoint, _put, _delete])
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
            // Where this is called, there is nothing else to do.
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
            // Nothing of this write is in the transaction.
            write.Completion.SetException(e is SqliteException ? new StoreUnavailableException(mayHaveBeenApplied: false, e) : e);
        }
    }

    private WriteResult Apply(Write write, ref bool isChanging)
    {
        var current = FindState(write.Id);
        if (write.Body is null && current is null)
        {
            return new(WriteOutcome.NotFound);
        }

        if (!write.Precondition.IsSatisfiedBy(current?.Version))
        {
            return new(WriteOutcome.PreconditionFailed);
        }

        var body = write.Body;
        if (write.Change is { } change)
        {
            if (Find(write.Id.Value) is not { } user)
            {
                return new(WriteOutcome.NotFound);
            }

            body = change(user.Body);
            if (body is null)
            {
                return new(WriteOutcome.Unchanged);
            }
        }

        isChanging = true;
        return body is null ? Delete(write.Id) : Put(write.Id, body, current);
    }

    /// <summary>
    /// Whether SQLite has undone the one statement that failed and kept the transaction, as it does for a constraint
    /// (https://sqlite.org/lang_conflict.html, ABORT). After a full disk or an I/O error it asks for a rollback of the whole
    /// (https://sqlite.org/lang_transaction.html, section 3.1).
    /// </summary>
    private static bool IsUndone(Exception e) => e is SqliteException { SqliteErrorCode: raw.SQLITE_CONSTRAINT };

    /// <summary>What a put or a delete needs to know: not the user, so that they mend one that cannot be read.</summary>
    private State? FindState(UserId id)
    {
        try
        {
            Bind(_state, id.Value);
            return Step(_state) ? new State(raw.sqlite3_column_int64(_state, 0), Text(_state, 1) ?? "") : null;
        }
        finally
        {
            Reset(_state);
        }
    }

    private WriteResult Delete(UserId id)
    {
        _delete.Parameters[0].Value = id.Value;
        _delete.ExecuteNonQuery();
        return new(WriteOutcome.Deleted);
    }

    private WriteResult Put(UserId id, UserInput body, State? current)
    {
        var user = User.Create(id, body, clock.GetUtcNow());
        user = current is { } state && TimeOf(state.CreatedAt) is { } createdAt ? user with { CreatedAt = createdAt } : user;
        ReadOnlySpan<object?> values =
        [
            user.Id,
            user.Name,
            user.Email,
            user.Attributes is null ? null : JsonSerializer.Serialize(user.Attributes, UserJson.Default.IReadOnlyDictionaryStringString),
            UnixMilliseconds(user.CreatedAt),
            UnixMilliseconds(user.UpdatedAt),
            user.Version,
        ];
        for (var i = 0; i < values.Length; i++)
        {
            _put.Parameters[i].Value = values[i] ?? DBNull.Value;
        }

        _put.ExecuteNonQuery();
        return new(current is null ? WriteOutcome.Created : WriteOutcome.Replaced, user.Version, user);
    }

    private static long UnixMilliseconds(DateTime time) => (long)(time - DateTime.UnixEpoch).TotalMilliseconds;

    private static SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<string> parameters)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(new SqliteParameter { ParameterName = parameter, Value = DBNull.Value });
        }

        command.Prepare();
        return command;
    }

    /// <summary>What a write needs to know of what it replaces.</summary>
    private readonly record struct State(long CreatedAt, string Version);
}
