using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// The embedded store: users in one SQLite file, in write-ahead-log mode. Reads run side by side, each on a connection of its own;
/// writes are queued to one thread, which commits all queued writes in one transaction and completes them when the log is on the disk.
/// </summary>
internal sealed class SqliteUserStore : IUserStore, IDisposable
{
    private readonly SqliteFile _file;
    private readonly TimeSpan _timeout;
    private readonly Action _onUnreadable;
    private readonly ConcurrentBag<ReadSession> _readers = [];
    private readonly WriteQueue _writes;
    private readonly SqliteIndexing _indexing;

    /// <summary>Opens the file, or creates it with its folder.</summary>
    /// <param name="path">The file.</param>
    /// <param name="timeout">How long a write may take, including the wait for another process that holds the file's lock.</param>
    /// <param name="clock">The time of writes.</param>
    /// <param name="logger">Where a warning about the file and the progress of its indexes go.</param>
    /// <param name="onUnreadable">Called for every row that cannot be read as a user.</param>
    /// <param name="uniqueEmails">See <see cref="UserOptions.UniqueEmails"/>.</param>
    /// <exception cref="StoreFileException">The file cannot be opened, is not a user store, or is one of a newer version.</exception>
    public SqliteUserStore(
        string path, TimeSpan timeout, TimeProvider clock, ILogger<SqliteUserStore> logger, Action onUnreadable, bool uniqueEmails = false)
    {
        (_timeout, _onUnreadable) = (timeout, onUnreadable);
        _file = new(path, timeout, logger);
        _writes = new(_file.Create(connection => new WriteSession(connection, onUnreadable, clock, uniqueEmails)), timeout);
        _indexing = new(_file, _writes, uniqueEmails, logger);
    }

    /// <inheritdoc/>
    public string SystemName => "sqlite";

    /// <inheritdoc/>
    public ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken) => Read(session => session.Find(id.Value));

    /// <inheritdoc/>
    public ValueTask<UserPage> ListAsync(UserQuery query, CancellationToken cancellationToken)
    {
        if (query.IsPlain)
        {
            return Read(session => session.List(query.After?.Id ?? "", query.Limit));
        }

        _indexing.Require(query);
        return Read(session => session.Search(query));
    }

    /// <inheritdoc/>
    public ValueTask<WriteResult> PutAsync(
        UserId id, UserInput body, Precondition precondition, bool returnUser, CancellationToken cancellationToken) =>
        _writes.RunAsync(new(id, body, null, precondition, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserInput, UserInput?> change, Precondition precondition, CancellationToken cancellationToken) =>
        _writes.RunAsync(new(id, null, change, precondition, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken) =>
        _writes.RunAsync(new(id, null, null, precondition, cancellationToken));

    /// <inheritdoc/>
    public async Task<TimeSpan> MakeIndexesAsync(CancellationToken cancellationToken)
    {
        // An earlier version of this program cannot write to the file, see SqliteMigrations.
        await _indexing.MakeAsync(cancellationToken);
        return Timeout.InfiniteTimeSpan;
    }

    /// <inheritdoc/>
    public async ValueTask PingAsync(CancellationToken cancellationToken) => await Read(session => session.Find(""));

    /// <summary>Finishes the writes that are queued, and closes the file.</summary>
    public void Dispose()
    {
        _writes.Dispose();
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }
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
        var connection = _file.Open();
        try
        {
            // Reads do not use ADO.NET, so SQLite must wait itself for another process that holds the lock.
            _ = raw.sqlite3_busy_timeout(connection.Handle, (int)_timeout.TotalMilliseconds);
            return new(connection, _onUnreadable);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
