using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Carries out writes, many in one transaction; used by one thread.</summary>
internal sealed class WriteSession(SqliteConnection connection, TimeProvider clock) : ReadSession(connection)
{
    // Immediate: takes the write lock at once, where waiting for another process is possible.
    private readonly SqliteCommand _begin = Command(connection, "BEGIN IMMEDIATE");
    private readonly SqliteCommand _commit = Command(connection, "COMMIT");
    private readonly SqliteCommand _rollback = Command(connection, "ROLLBACK");
    private readonly SqliteCommand _put = Command(
        connection,
        "INSERT OR REPLACE INTO users VALUES ($id, $name, $email, $attributes, $created_at, $updated_at, $version)",
        "$id", "$name", "$email", "$attributes", "$created_at", "$updated_at", "$version");

    private readonly SqliteCommand _delete = Command(connection, "DELETE FROM users WHERE id = $id", "$id");

    /// <summary>Carries out all writes in one transaction, and answers each: none before all are on the disk.</summary>
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
            Rollback();
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
        foreach (var command in (ReadOnlySpan<SqliteCommand>)[_begin, _commit, _rollback, _put, _delete])
        {
            command.Dispose();
        }

        base.Dispose();
    }

    private void Rollback()
    {
        try
        {
            _rollback.ExecuteNonQuery();
        }
        catch (SqliteException)
        {
            // No transaction was begun, or SQLite has rolled back itself, as it does when the disk is full.
        }
    }

    private void Apply(Write write)
    {
        if (write.CancellationToken.IsCancellationRequested)
        {
            write.Completion.SetCanceled(write.CancellationToken);
            return;
        }

        var current = Find(write.Id.Value);
        if (write.Body is null && current is null)
        {
            write.Result = new(WriteOutcome.NotFound);
        }
        else if (!write.Precondition.IsSatisfiedBy(current?.Version))
        {
            write.Result = new(WriteOutcome.PreconditionFailed);
        }
        else if (write is { Body: null, Change: null })
        {
            _delete.Parameters[0].Value = write.Id.Value;
            _delete.ExecuteNonQuery();
            write.Result = new(WriteOutcome.Deleted);
        }
        else if ((write.Body ?? write.Change!(current!.Body)) is not { } body)
        {
            write.Result = new(WriteOutcome.Unchanged);
        }
        else
        {
            var user = User.Create(write.Id, body, clock.GetUtcNow());
            user = current is null ? user : user with { CreatedAt = current.CreatedAt };
            Put(user);
            write.Result = new(current is null ? WriteOutcome.Created : WriteOutcome.Replaced, user.Version, user);
        }
    }

    private void Put(User user)
    {
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
}
