using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Carries out writes, many in one transaction; used by one thread.</summary>
/// <param name="connection">The connection, which is disposed of with the session.</param>
/// <param name="onUnreadable">Called for every row that cannot be read as a user.</param>
/// <param name="clock">The time of writes.</param>
/// <param name="uniqueEmails">See <see cref="UserOptions.UniqueEmails"/>.</param>
internal sealed class WriteSession(SqliteConnection connection, Action onUnreadable, TimeProvider clock, bool uniqueEmails)
    : ReadSession(connection, onUnreadable)
{
    private const string Update = "UPDATE users SET version = ?2, updated_at = ?3, body = ?4, attribute_keys = ?5";

    private readonly SqliteStatement _findState = new(
        connection, "SELECT id, version, created_at, updated_at, body, attribute_keys, name_key, email_key FROM users WHERE id = ?");

    private readonly SqliteStatement _create = new(
        connection,
        "INSERT INTO users (id, version, updated_at, body, attribute_keys, name_key, email_key, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");

    // An update leaves the indexes alone whose columns it does not set.
    private readonly SqliteStatement _update = new(connection, $"{Update} WHERE id = ?1");
    private readonly SqliteStatement _rename = new(connection, $"{Update}, name_key = ?6 WHERE id = ?1");
    private readonly SqliteStatement _replace = new(connection, $"{Update}, name_key = ?6, email_key = ?7, created_at = ?8 WHERE id = ?1");
    private readonly SqliteStatement _delete = new(connection, "DELETE FROM users WHERE id = ?");
    private readonly SqliteStatement _setProgress = new(connection, "UPDATE search_progress SET indexed_to = ?");
    private readonly SqliteStatement _endProgress = new(connection, "DELETE FROM search_progress");
    private readonly SearchIndex _index = new(connection);

    // Immediate: takes the write lock at the beginning, where it can wait for another process.
    private readonly SqliteCommand _begin = Command(connection, "BEGIN IMMEDIATE");
    private readonly SqliteCommand _commit = Command(connection, "COMMIT");
    private readonly SqliteCommand _rollback = Command(connection, "ROLLBACK");
    private readonly SqliteCommand _checkpoint = Command(connection, "PRAGMA wal_checkpoint(TRUNCATE)");

    /// <summary>Whether all stored users are known to have e-mail addresses of their own; without that, none that must be unique is written.</summary>
    public bool AreEmailsUnique { get; set; }

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
        _index.Dispose();
        foreach (var statement in (ReadOnlySpan<SqliteStatement>)[_findState, _create, _update, _rename, _replace, _delete, _setProgress, _endProgress])
        {
            statement.Dispose();
        }

        foreach (var command in (ReadOnlySpan<SqliteCommand>)[_begin, _commit, _rollback, _checkpoint])
        {
            command.Dispose();
        }

        base.Dispose();
    }

    /// <summary>Indexes some of the users that have not been indexed since the file was migrated: those behind an id.</summary>
    /// <param name="after">The id.</param>
    /// <param name="count">How many at the most.</param>
    /// <returns>Where to go on; null when all users are indexed.</returns>
    public string? IndexBehind(string after, int count)
    {
        var (users, next) = ReadBehind(after, count);
        users.ForEach(_index.Put);
        if (next is null)
        {
            _endProgress.Execute();
        }
        else
        {
            _setProgress.Bind(1, next).Execute();
        }

        return next;
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
        if (write.Step is { } step)
        {
            isChanging = true;
            step(this);
            return default;
        }

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
            return Delete(write.Id, current!.Value);
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

        var keys = SearchKeys.Of(body);
        if (uniqueEmails && body.Email is not null)
        {
            if (!AreEmailsUnique)
            {
                throw new IndexNotReadyException();
            }

            // Whoever writes next, in this process or another one, waits for this transaction.
            if (keys.Email is { } email && _index.IsTaken(email, write.Id.Value))
            {
                return new(WriteOutcome.Conflict) { Field = "email" };
            }
        }

        isChanging = true;
        return Put(write.Id, body, keys, current);
    }

    /// <summary>
    /// Whether SQLite has undone the one statement that failed and kept the transaction, as it does for a constraint
    /// (https://sqlite.org/lang_conflict.html, ABORT). After a full disk or an I/O error it asks for a rollback of the whole
    /// (https://sqlite.org/lang_transaction.html, section 3.1).
    /// </summary>
    private static bool IsUndone(Exception e) => e is SqliteException { SqliteErrorCode: raw.SQLITE_CONSTRAINT };

    // The user first: an operator's rule may refuse it, which undoes this one statement. Nothing refuses what is indexed.
    private WriteResult Delete(UserId id, StoredState current)
    {
        _delete.Bind(1, id.Value).Execute();
        _index.ChangeAttributes(id.Value, current.Keys?.Attributes ?? [], []);
        return new(WriteOutcome.Deleted);
    }

    private WriteResult Put(UserId id, UserInput body, SearchKeys keys, StoredState? current)
    {
        var user = User.Create(id, body, clock.GetUtcNow());
        var hasCreatedAt = false;
        if (current is { } state && UnixTime.Read(state.CreatedAt) is { } createdAt)
        {
            (user, hasCreatedAt) = (user with { CreatedAt = createdAt }, true);
        }

        var before = current?.Keys;
        var statement =
            current is null ? _create :
            before is null || before.Email != keys.Email || !hasCreatedAt ? _replace :
            before.Name != keys.Name ? _rename :
            _update;
        statement.Bind(1, user.Id).Bind(2, user.Version).Bind(3, UnixTime.Of(user.UpdatedAt)).BindText(4, UserDocument.Write(body))
            .BindBlob(5, SearchIndex.BytesOf(keys.Attributes));
        if (statement != _update)
        {
            statement.Bind(6, keys.Name);
        }

        if (statement == _create || statement == _replace)
        {
            statement.Bind(7, keys.Email).Bind(8, UnixTime.Of(user.CreatedAt));
        }

        statement.Execute();
        _index.ChangeAttributes(user.Id, before?.Attributes ?? [], keys.Attributes);
        return new(current is null ? WriteOutcome.Created : WriteOutcome.Replaced, user.Version, user);
    }

    /// <summary>Finds the state of a stored user that a write needs; null if there is no such user.</summary>
    /// <param name="id">The user's id.</param>
    /// <param name="readUser">Whether to read the user as well; a delete does not need it.</param>
    private StoredState? FindState(string id, bool readUser)
    {
        try
        {
            if (!_findState.Bind(1, id).Step())
            {
                return null;
            }

            var keys = _findState.Text(6) is { } name ? new SearchKeys(_findState.Text(7), name, SearchIndex.AttributesOf(_findState, 5)) : null;
            return new(_findState.Text(1) ?? "", _findState.Number(2), keys, readUser ? ReadUser(_findState) : null);
        }
        finally
        {
            _findState.Reset();
        }
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql)
    {
        var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Prepare();
        return command;
    }

    /// <summary>The state of a stored user that a write needs.</summary>
    /// <param name="Version">Its version.</param>
    /// <param name="CreatedAt">Its time of creation, see <see cref="UnixTime"/>; may be beyond all times.</param>
    /// <param name="Keys">What it is found by; null if it has not been indexed yet.</param>
    /// <param name="User">The user, if it was asked for and can be read.</param>
    private readonly record struct StoredState(string Version, long CreatedAt, SearchKeys? Keys, User? User);
}
