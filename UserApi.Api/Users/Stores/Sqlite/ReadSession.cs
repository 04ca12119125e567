using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Reads by SQLite's own interface: ADO.NET would make a command, a reader and their checks for every user.</summary>
internal class ReadSession(SqliteConnection connection, Action onUnreadable) : IDisposable
{
    private const string Columns = "SELECT id, name, email, attributes, created_at, updated_at, version FROM users";

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

    /// <summary>Reads a page, row by row, and nothing behind the row that tells that the page is full.</summary>
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

    /// <summary>Sets the only parameter of a statement.</summary>
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
            var user = new User(
                Required(0), Required(1), Text(row, 2), ReadAttributes(Text(row, 3)), Time(4), Time(5), Required(6));
            if (UserId.TryParse(user.Id, out _, out _))
            {
                return user;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // No JSON, a null, or a time that is none
        }

        onUnreadable();
        return null;

        string Required(int column) => Text(row, column) ?? throw new InvalidOperationException($"Column {column} is null.");

        DateTime Time(int column) =>
            TimeOf(raw.sqlite3_column_int64(row, column)) ?? throw new InvalidOperationException($"Column {column} is no time.");
    }

    private static IReadOnlyDictionary<string, string>? ReadAttributes(string? json)
    {
        var attributes = json is null ? null : JsonSerializer.Deserialize(json, UserJson.Default.IReadOnlyDictionaryStringString);
        return attributes is null || attributes.All(attribute => attribute.Value is not null)
            ? attributes
            : throw new InvalidOperationException("An attribute is null.");
    }

    // ROW and DONE are no errors to it.
    private void Check(int code) => SqliteException.ThrowExceptionForRC(code, connection.Handle);
}
