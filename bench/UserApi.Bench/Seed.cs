using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging.Abstractions;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores.Sqlite;

namespace UserApi.Bench;

/// <summary>The users that are stored before any load: the same for all contenders, with the number of the id in the name.</summary>
internal static class Seed
{
    public static string Id(int number) => $"user-{number:0000000}";

    public static string Name(int number) => $"User {number:0000000}";

    /// <summary>A user with a name only.</summary>
    public static UserInput Named(int number) => new(Name(number));

    /// <summary>A user with an address of its own, and an attribute that 49 others have too.</summary>
    public static UserInput Findable(int number) =>
        new(Name(number), $"{Id(number)}@example.org", new Dictionary<string, string> { ["team"] = $"{number / 50}" });

    /// <summary>Creates the file of an embedded store.</summary>
    public static async Task<string> EmbeddedAsync(string path, int users, Func<int, UserInput> body, CancellationToken cancellationToken)
    {
        using var store = new SqliteUserStore(
            path, TimeSpan.FromSeconds(60), TimeProvider.System, NullLogger<SqliteUserStore>.Instance, onUnreadable: () => { });
        await Parallel.ForAsync(1, users + 1, new ParallelOptions { MaxDegreeOfParallelism = 512, CancellationToken = cancellationToken }, PutAsync);
        return path;

        async ValueTask PutAsync(int number, CancellationToken cancel)
        {
            if (!UserId.TryParse(Id(number), out var id, out var error))
            {
                throw new InvalidOperationException(error);
            }

            await store.PutAsync(id, body(number), default, returnUser: false, cancel);
        }
    }

    /// <summary>Creates the file of the peer that commits each request separately.</summary>
    public static string PeerFile(string path, int users)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=false");
        connection.Open();
        Execute("PRAGMA journal_mode = WAL");
        Execute("CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID");
        Execute($"""
            INSERT INTO users
            WITH RECURSIVE numbers(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {users})
            SELECT printf('user-%07d', number), printf('User %07d', number) FROM numbers
            """);
        return path;

        void Execute(string sql)
        {
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }
    }
}
