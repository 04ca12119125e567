using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Keeps what users are found by (<see cref="SearchKeys"/>) beside them, in the transactions that write them; used by one thread.</summary>
internal sealed class SearchIndex(SqliteConnection connection) : IDisposable
{
    private readonly SqliteStatement _find = new(connection, "SELECT email, name, created_at, attributes FROM search WHERE id = ?");
    private readonly SqliteStatement _touch = new(connection, "UPDATE search SET updated_at = ?2, attributes = ?3 WHERE id = ?1");
    private readonly SqliteStatement _rename = new(connection, "UPDATE search SET updated_at = ?2, attributes = ?3, name = ?4 WHERE id = ?1");
    private readonly SqliteStatement _put = new(
        connection, "INSERT OR REPLACE INTO search (id, updated_at, attributes, email, created_at, name) VALUES (?, ?, ?, ?, ?, ?)");

    private readonly SqliteStatement _delete = new(connection, "DELETE FROM search WHERE id = ?");
    private readonly SqliteStatement _addAttribute = new(connection, "INSERT OR IGNORE INTO search_attributes VALUES (?, ?)");
    private readonly SqliteStatement _removeAttribute = new(connection, "DELETE FROM search_attributes WHERE key = ? AND id = ?");
    private readonly SqliteStatement _holder = new(connection, "SELECT 1 FROM search INDEXED BY search_email WHERE email = ? AND id <> ?");

    /// <summary>Whether another user has an e-mail address, in any case.</summary>
    public bool IsTaken(string emailKey, string id)
    {
        try
        {
            return _holder.Bind(1, emailKey).Bind(2, id).Step();
        }
        finally
        {
            _holder.Reset();
        }
    }

    /// <summary>Indexes a user as it is now. An update leaves the indexes alone whose columns it does not set.</summary>
    public void Put(User user)
    {
        var keys = SearchKeys.Of(user.Body);
        long[] attributes = [.. keys.Attributes];
        long[] before = [];
        var (isSameName, isSameRest) = (false, false);
        try
        {
            if (_find.Bind(1, user.Id).Step())
            {
                before = AttributesOf(_find, 3).ToArray();
                (isSameName, isSameRest) = (_find.Text(1) == keys.Name, _find.Text(0) == keys.Email && _find.Number(2) == UnixTime.Of(user.CreatedAt));
            }
        }
        finally
        {
            _find.Reset();
        }

        if (!isSameRest)
        {
            _put.Bind(4, keys.Email).Bind(5, UnixTime.Of(user.CreatedAt)).Bind(6, keys.Name);
        }
        else if (!isSameName)
        {
            _rename.Bind(4, keys.Name);
        }

        (isSameRest ? isSameName ? _touch : _rename : _put)
            .Bind(1, user.Id).Bind(2, UnixTime.Of(user.UpdatedAt)).BindBlob(3, MemoryMarshal.AsBytes(attributes.AsSpan())).Execute();
        Change(_removeAttribute, before.Except(attributes), user.Id);
        Change(_addAttribute, attributes.Except(before), user.Id);
    }

    /// <summary>Takes a user out.</summary>
    public void Delete(string id)
    {
        long[] attributes = [];
        try
        {
            attributes = _find.Bind(1, id).Step() ? AttributesOf(_find, 3).ToArray() : [];
        }
        finally
        {
            _find.Reset();
        }

        Change(_removeAttribute, attributes, id);
        _delete.Bind(1, id).Execute();
    }

    /// <summary>The keys of attributes in a column of <c>search</c>.</summary>
    public static ReadOnlySpan<long> AttributesOf(SqliteStatement row, int column) => MemoryMarshal.Cast<byte, long>(row.Bytes(column));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<SqliteStatement>)[_find, _touch, _rename, _put, _delete, _addAttribute, _removeAttribute, _holder])
        {
            statement.Dispose();
        }
    }

    private static void Change(SqliteStatement statement, IEnumerable<long> keys, string id)
    {
        foreach (var key in keys)
        {
            statement.Bind(1, key).Bind(2, id).Execute();
        }
    }
}
