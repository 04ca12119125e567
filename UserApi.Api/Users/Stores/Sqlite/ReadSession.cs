using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Reads with SQLite's native interface, because ADO.NET would create and check a command and a reader for every user.</summary>
internal class ReadSession(SqliteConnection connection, Action onUnreadable) : IDisposable
{
    // The document is the last column: SQLite reads only as far as needed, and a document may span several pages.
    private const string Columns = "SELECT id, version, created_at, updated_at, document FROM users";

    private static readonly long s_maxMilliseconds = (long)(DateTime.MaxValue - DateTime.UnixEpoch).TotalMilliseconds;

    private readonly sqlite3_stmt _find = Prepare(connection, $"{Columns} WHERE id = ?");
    private readonly sqlite3_stmt _list = Prepare(connection, $"{Columns} WHERE id > ? ORDER BY id");

    /// <summary>Finds a user; null when there is none that can be read.</summary>
    public User? Find(string id)
    {
        try
        {
            Bind(_find, id);
            return Step(_find) ? ReadUser(_find) : null;
        }
        finally
        {
            Reset(_find);
        }
    }

    /// <summary>Finds the state of a stored user that a write needs; null if there is no such user.</summary>
    /// <param name="id">The user's id.</param>
    /// <param name="readUser">Whether to read the user as well; a delete does not need it.</param>
    protected StoredState? FindState(string id, bool readUser)
    {
        try
        {
            Bind(_find, id);
            return Step(_find) ? new(Text(_find, 1) ?? "", raw.sqlite3_column_int64(_find, 2), readUser ? ReadUser(_find) : null) : null;
        }
        finally
        {
            Reset(_find);
        }
    }

    /// <summary>Reads a page row by row, and stops at the row that shows that the page is full.</summary>
    public UserPage List(string after, int limit)
    {
        try
        {
            Bind(_list, after);
            var users = new List<User>();
            var bytes = 0;
            while (Step(_list))
            {
                if (ReadUser(_list) is not { } user)
                {
                    continue;
                }

                bytes += users.Count == 0 ? 0 : user.TextLength;
                if (users.Count == limit || bytes > UserPage.MaxBytes)
                {
                    return new(users, users[^1].Id);
                }

                users.Add(user);
            }

            return new(users, null);
        }
        finally
        {
            Reset(_list);
        }
    }

    /// <summary>Whether a transaction is open: SQLite closes one by itself after some failures.</summary>
    protected bool IsInTransaction => raw.sqlite3_get_autocommit(connection.Handle) == 0;

    public virtual void Dispose()
    {
        _find.Dispose();
        _list.Dispose();
        connection.Dispose();
    }

    protected static sqlite3_stmt Prepare(SqliteConnection connection, string sql)
    {
        SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(connection.Handle, sql, out var statement), connection.Handle);
        return statement;
    }

    /// <summary>Sets the first parameter of a statement.</summary>
    protected void Bind(sqlite3_stmt statement, string id) => Check(raw.sqlite3_bind_text(statement, 1, id));

    protected static void Reset(sqlite3_stmt statement) => _ = raw.sqlite3_reset(statement);

    protected bool Step(sqlite3_stmt statement)
    {
        var code = raw.sqlite3_step(statement);
        Check(code);
        return code == raw.SQLITE_ROW;
    }

    /// <summary>The time of a number of milliseconds since 1970; null for one that is beyond all times.</summary>
    protected static DateTime? TimeOf(long unixMilliseconds) => unixMilliseconds >= 0 && unixMilliseconds <= s_maxMilliseconds
        ? DateTime.UnixEpoch.AddMilliseconds(unixMilliseconds)
        : null;

    protected static string? Text(sqlite3_stmt row, int column) => raw.sqlite3_column_text(row, column).utf8_to_string();

    /// <summary>Reads a row; null, and counted, when it is no user, or has an id that no request can name.</summary>
    private User? ReadUser(sqlite3_stmt row)
    {
        try
        {
            var id = Text(row, 0) ?? "";
            if (UserId.TryParse(id, out _, out _) && TimeOf(raw.sqlite3_column_int64(row, 2)) is { } createdAt
                && TimeOf(raw.sqlite3_column_int64(row, 3)) is { } updatedAt)
            {
                return User.Create(id, UserDocument.Read(raw.sqlite3_column_blob(row, 4)), createdAt, updatedAt, Text(row, 1) ?? "");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The row is not a valid user.
        }

        onUnreadable();
        return null;
    }

    // It does not treat ROW and DONE as errors.
    protected void Check(int code) => SqliteException.ThrowExceptionForRC(code, connection.Handle);

    /// <summary>The state of a stored user that a write needs.</summary>
    /// <param name="Version">Its version.</param>
    /// <param name="CreatedAt">Its time of creation, in milliseconds since 1970; may be beyond all times.</param>
    /// <param name="User">The user, if it was asked for and can be read.</param>
    protected readonly record struct StoredState(string Version, long CreatedAt, User? User);
}
