using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// The embedded store: users in one SQLite file, in write-ahead-log mode. Reads run side by side, each on a connection of its own;
/// writes are queued to one thread, which commits whatever has gathered in one transaction and answers after the log is on the disk.
/// </summary>
public sealed class SqliteUserStore : IUserStore, IDisposable
{
    // "USER" in the file's header: another program's database is not taken for ours.
    private const int ApplicationId = 0x55534552;
    private const int SchemaVersion = 1;
    private const int MaxQueuedWrites = 4096;
    private const int MaxBatch = 256;

    private readonly string _connectionString;
    private readonly TimeSpan _timeout;
    private readonly ConcurrentBag<ReadSession> _readers = [];
    private readonly BlockingCollection<Write> _writes = new(MaxQueuedWrites);
    private readonly Thread _writer;

    /// <summary>Opens the file, or creates it with its folder.</summary>
    /// <param name="path">The file.</param>
    /// <param name="timeout">How long a write may take, waiting for another process that holds the file's lock included.</param>
    /// <param name="clock">The time of writes.</param>
    /// <exception cref="StoreFileException">The file cannot be opened, is not a user store, or is one of a newer version.</exception>
    public SqliteUserStore(string path, TimeSpan timeout, TimeProvider clock)
    {
        _timeout = timeout;
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Pooling = false,
            DefaultTimeout = Math.Max(1, (int)timeout.TotalSeconds),
        }.ToString();

        SqliteConnection? connection = null;
        WriteSession session;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            connection = Open();
            Prepare(connection, path);
            session = new(connection, clock);
        }
        catch (Exception e)
        {
            connection?.Dispose(); // leaves no log file behind
            if (e is SqliteException or IOException or UnauthorizedAccessException)
            {
                throw new StoreFileException($"The user store '{path}' cannot be opened: {e.Message}", e);
            }

            throw;
        }

        _writer = new(() => RunWriter(session)) { Name = "SQLite writer", IsBackground = true };
        _writer.Start();
    }

    /// <inheritdoc/>
    public string SystemName => "sqlite";

    /// <inheritdoc/>
    public ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken) => Read(session => session.Find(id.Value));

    /// <inheritdoc/>
    public ValueTask<UserPage> ListAsync(UserId? after, int limit, CancellationToken cancellationToken) =>
        Read(session =>
        {
            // One more than asked for tells whether there is a next page.
            var users = session.List(after?.Value ?? "", limit + 1);
            return users.Count > limit ? new UserPage([.. users.Take(limit)], users[limit - 1].Id) : new UserPage(users, null);
        });

    /// <inheritdoc/>
    public ValueTask<WriteResult> PutAsync(
        UserId id, UserBody body, Precondition precondition, bool returnUser, CancellationToken cancellationToken) =>
        EnqueueAsync(new(id, body, null, precondition, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserBody, UserBody?> change, Precondition precondition, CancellationToken cancellationToken) =>
        EnqueueAsync(new(id, null, change, precondition, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken) =>
        EnqueueAsync(new(id, null, null, precondition, cancellationToken));

    /// <inheritdoc/>
    public async ValueTask PingAsync(CancellationToken cancellationToken) => await Read(session => session.Find(""));

    /// <summary>Finishes the writes that are queued, and closes the file.</summary>
    public void Dispose()
    {
        _writes.CompleteAdding();
        _writer.Join();
        _writes.Dispose();
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();

            // FULL: the log is on the disk before a write is answered, so that it outlives a power cut, not only the process.
            Execute(connection, "PRAGMA synchronous = FULL");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private static void Prepare(SqliteConnection connection, string path)
    {
        if (Scalar(connection, "SELECT count(*) FROM sqlite_schema") > 0 && Scalar(connection, "PRAGMA application_id") != ApplicationId)
        {
            throw new StoreFileException($"'{path}' is a SQLite database, but not a user store. Nothing was changed.");
        }

        var version = Scalar(connection, "PRAGMA user_version");
        if (version > SchemaVersion)
        {
            throw new StoreFileException(
                $"The user store '{path}' has version {version}, of a newer program; this one knows {SchemaVersion}. Nothing was changed.");
        }

        // The lock is taken also when there is nothing to do, so that a file that may not be written to is refused now; but only what is
        // missing is written, so that a full disk does not keep the store from opening for reads.
        Execute(connection, "PRAGMA journal_mode = WAL");
        Execute(connection, "BEGIN IMMEDIATE");
        if (version < SchemaVersion)
        {
            Execute(connection, $"""
                CREATE TABLE IF NOT EXISTS users (
                    id TEXT NOT NULL PRIMARY KEY,
                    name TEXT NOT NULL,
                    email TEXT,
                    attributes TEXT,
                    created_at INTEGER NOT NULL,
                    updated_at INTEGER NOT NULL,
                    version TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                PRAGMA application_id = {ApplicationId};
                PRAGMA user_version = {SchemaVersion};
                """);
        }

        Execute(connection, "COMMIT");
    }

    private ValueTask<T> Read<T>(Func<ReadSession, T> read)
    {
        ReadSession? session = null;
        try
        {
            session = _readers.TryTake(out var free) ? free : OpenReader();
            return new(read(session));
        }
        catch (SqliteException e)
        {
            session?.Dispose();
            session = null;
            throw new StoreUnavailableException(mayHaveBeenApplied: false, e);
        }
        finally
        {
            if (session is not null)
            {
                _readers.Add(session);
            }
        }
    }

    private ReadSession OpenReader()
    {
        var connection = Open();
        try
        {
            // Reads go past ADO.NET, and with it past the waiting for another process that it does by itself.
            _ = raw.sqlite3_busy_timeout(connection.Handle, (int)_timeout.TotalMilliseconds);
            return new(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    private async ValueTask<WriteResult> EnqueueAsync(Write write)
    {
        if (!_writes.TryAdd(write))
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: false);
        }

        try
        {
            return await write.Completion.Task.WaitAsync(_timeout, write.CancellationToken);
        }
        catch (TimeoutException e)
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: true, e);
        }
    }

    private void RunWriter(WriteSession session)
    {
        using var _ = session;
        var batch = new List<Write>(MaxBatch);
        foreach (var first in _writes.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < MaxBatch && _writes.TryTake(out var next))
            {
                batch.Add(next);
            }

            session.Commit(batch);
            batch.Clear();
        }
    }

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private static long Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

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

    /// <summary>A put (with a body), an update (with a change) or a delete (with neither), and who waits for it.</summary>
    private sealed record Write(
        UserId Id, UserBody? Body, Func<UserBody, UserBody?>? Change, Precondition Precondition, CancellationToken CancellationToken)
    {
        public TaskCompletionSource<WriteResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public WriteResult Result { get; set; }
    }

    /// <summary>Reads by SQLite's own interface: ADO.NET would make a command, a reader and their checks for every user.</summary>
    private class ReadSession(SqliteConnection connection) : IDisposable
    {
        private const string Columns = "SELECT id, name, email, attributes, created_at, updated_at, version FROM users";

        private readonly sqlite3_stmt _find = Prepare(connection, $"{Columns} WHERE id = ?");
        private readonly sqlite3_stmt _list = Prepare(connection, $"{Columns} WHERE id > ? ORDER BY id LIMIT ?");

        public User? Find(string id)
        {
            try
            {
                Check(raw.sqlite3_bind_text(_find, 1, id));
                return Step(_find) ? ReadUser(_find) : null;
            }
            finally
            {
                raw.sqlite3_reset(_find);
            }
        }

        public List<User> List(string after, int limit)
        {
            try
            {
                Check(raw.sqlite3_bind_text(_list, 1, after));
                Check(raw.sqlite3_bind_int(_list, 2, limit));
                var users = new List<User>();
                while (Step(_list))
                {
                    users.Add(ReadUser(_list));
                }

                return users;
            }
            finally
            {
                raw.sqlite3_reset(_list);
            }
        }

        public virtual void Dispose()
        {
            _find.Dispose();
            _list.Dispose();
            connection.Dispose();
        }

        private static sqlite3_stmt Prepare(SqliteConnection connection, string sql)
        {
            SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(connection.Handle, sql, out var statement), connection.Handle);
            return statement;
        }

        private static User ReadUser(sqlite3_stmt row)
        {
            return new(
                Text(0)!,
                Text(1)!,
                Text(2),
                Text(3) is { } attributes ? JsonSerializer.Deserialize(attributes, UserJson.Default.IReadOnlyDictionaryStringString) : null,
                DateTime.UnixEpoch.AddMilliseconds(raw.sqlite3_column_int64(row, 4)),
                DateTime.UnixEpoch.AddMilliseconds(raw.sqlite3_column_int64(row, 5)),
                Text(6)!);

            string? Text(int column) => raw.sqlite3_column_text(row, column).utf8_to_string();
        }

        private bool Step(sqlite3_stmt statement)
        {
            var code = raw.sqlite3_step(statement);
            Check(code);
            return code == raw.SQLITE_ROW;
        }

        // ROW and DONE are no errors to it.
        private void Check(int code) => SqliteException.ThrowExceptionForRC(code, connection.Handle);
    }

    private sealed class WriteSession(SqliteConnection connection, TimeProvider clock) : ReadSession(connection)
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
    }
}

/// <summary>The embedded store's file cannot be used; the message says why, for the operator. Nothing was changed.</summary>
/// <param name="message">Which file, and why.</param>
/// <param name="innerException">The cause.</param>
public sealed class StoreFileException(string message, Exception? innerException = null) : Exception(message, innerException);
