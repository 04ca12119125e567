using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// What users are found by (<see cref="SearchKeys"/>) and SQLite does not index by itself: the keys of attributes, of which a user has several, and those of
/// users that have not been indexed yet. Used in the transactions that write users, by one thread.
/// </summary>
internal sealed class SearchIndex(SqliteConnection connection) : IDisposable
{
    private readonly SqliteStatement _setKeys = new(connection, "UPDATE users SET attribute_keys = ?2, name_key = ?3, email_key = ?4 WHERE id = ?1");
    private readonly SqliteStatement _addAttribute = new(connection, "INSERT OR IGNORE INTO search_attributes VALUES (?, ?)");
    private readonly SqliteStatement _removeAttribute = new(connection, "DELETE FROM search_attributes WHERE key = ? AND id = ?");
    private readonly SqliteStatement _holder = new(connection, "SELECT 1 FROM users INDEXED BY search_email WHERE email_key = ? AND id <> ?");

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

    /// <summary>Indexes a stored user that may have no keys.</summary>
    public void Put(User user)
    {
        var keys = SearchKeys.Of(user.Body);
        _setKeys.Bind(1, user.Id).BindBlob(2, BytesOf(keys.Attributes)).Bind(3, keys.Name).Bind(4, keys.Email).Execute();
        ChangeAttributes(user.Id, [], keys.Attributes);
    }

    /// <summary>Changes the attributes that a user is found by.</summary>
    /// <param name="id">The user's id.</param>
    /// <param name="before">The keys that the user is found by.</param>
    /// <param name="after">The keys that it must be found by.</param>
    public void ChangeAttributes(string id, IReadOnlyList<long> before, IReadOnlyList<long> after)
    {
        if (before.SequenceEqual(after))
        {
            return;
        }

        Execute(_removeAttribute, before.Except(after));
        Execute(_addAttribute, after.Except(before));

        void Execute(SqliteStatement statement, IEnumerable<long> keys)
        {
            foreach (var key in keys)
            {
                statement.Bind(1, key).Bind(2, id).Execute();
            }
        }
    }

    /// <summary>The keys of attributes in the column <c>attribute_keys</c>.</summary>
    public static long[] AttributesOf(SqliteStatement row, int column) => MemoryMarshal.Cast<byte, long>(row.Bytes(column)).ToArray();

    /// <summary>The value of the column <c>attribute_keys</c>.</summary>
    public static ReadOnlySpan<byte> BytesOf(IReadOnlyList<long> keys) => MemoryMarshal.AsBytes(keys.ToArray().AsSpan());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var statement in (ReadOnlySpan<SqliteStatement>)[_setKeys, _addAttribute, _removeAttribute, _holder])
        {
            statement.Dispose();
        }
    }
}
