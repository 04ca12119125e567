using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Reads by SQLite's own interface: ADO.NET would make a command, a reader and their checks for every user.</summary>
internal class ReadSession(SqliteConnection connection) : IDisposable
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
