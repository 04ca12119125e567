using System.Text.Json;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Reads users on one connection; used by one thread at a time.</summary>
internal class ReadSession(SqliteConnection connection, Action onUnreadable) : IDisposable
{
    // The body is the last column: SQLite reads only as far as needed, and a body may span several pages.
    private const string Columns = "SELECT id, version, created_at, updated_at, body FROM users";

    private readonly SqliteStatement _find = new(connection, $"{Columns} WHERE id = ?");
    private readonly SqliteStatement _list = new(connection, $"{Columns} WHERE id > ? ORDER BY id");
    private UserSearch? _search;

    /// <summary>Finds a user; null when there is none that can be read.</summary>
    public User? Find(string id)
    {
        try
        {
            return _find.Bind(1, id).Step() ? ReadUser(_find) : null;
        }
        finally
        {
            _find.Reset();
        }
    }

    /// <summary>Reads a page of all users in id order, row by row, and stops at the row that shows that the page is full.</summary>
    public UserPage List(string after, int limit)
    {
        try
        {
            _list.Bind(1, after);
            var page = new PageBuilder(limit);
            while (_list.Step())
            {
                if (ReadUser(_list) is { } user && !page.TryAdd(user))
                {
                    return new(page.Users, page.Users[^1].Id);
                }
            }

            return new(page.Users, null);
        }
        finally
        {
            _list.Reset();
        }
    }

    /// <summary>Reads a page of the users that are asked for.</summary>
    public UserPage Search(UserQuery query) => (_search ??= new(connection, Find)).Read(query);

    /// <summary>Reads the next users behind an id, in id order.</summary>
    /// <param name="after">The id.</param>
    /// <param name="count">How many rows to look at.</param>
    /// <returns>The users, and where to go on; null when there is nothing behind.</returns>
    protected (List<User> Users, string? Next) ReadBehind(string after, int count)
    {
        try
        {
            _list.Bind(1, after);
            var users = new List<User>();
            for (var met = 1; _list.Step(); met++)
            {
                if (ReadUser(_list) is { } user)
                {
                    users.Add(user);
                }

                if (met == count)
                {
                    return (users, _list.Text(0));
                }
            }

            return (users, null);
        }
        finally
        {
            _list.Reset();
        }
    }

    /// <summary>Whether a transaction is open: SQLite closes one by itself after some failures.</summary>
    protected bool IsInTransaction => raw.sqlite3_get_autocommit(connection.Handle) == 0;

    public virtual void Dispose()
    {
        _find.Dispose();
        _list.Dispose();
        _search?.Dispose();
        connection.Dispose();
    }

    /// <summary>Reads a row; null, and counted, when it is no user, or has an id that no request can name.</summary>
    protected User? ReadUser(SqliteStatement row)
    {
        try
        {
            var id = row.Text(0) ?? "";
            if (UserId.TryParse(id, out _, out _) && UnixTime.Read(row.Number(2)) is { } createdAt && UnixTime.Read(row.Number(3)) is { } updatedAt)
            {
                return User.Create(id, UserDocument.Read(row.Bytes(4)), createdAt, updatedAt, row.Text(1) ?? "");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The row is not a valid user.
        }

        onUnreadable();
        return null;
    }
}
