using System.Diagnostics;
using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// Brings a file to the latest version, <c>PRAGMA user_version</c>, step by step. A new file takes the same steps as an old one, so that there is
/// one definition of what a file looks like. Each step is one transaction: a process that ends in the middle leaves the version before, whole.
/// </summary>
/// <param name="connection">A connection to the file.</param>
/// <param name="path">The file's path, for the log.</param>
/// <param name="logger">Says what is done to files that hold users.</param>
internal sealed partial class SqliteMigrations(SqliteConnection connection, string path, ILogger logger)
{
    /// <summary>"USER" in the file's header: another program's database is not taken for ours.</summary>
    public const int ApplicationId = 0x55534552;

    // Steps are SQL and nothing else: they must do the same after the program's types have changed, and in little memory. Those that are
    // released are never changed. The step at index n makes version n + 1.
    private static readonly string[] s_steps =
    [
        $"""
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
        """,

        // A user as one document. Attributes that are no JSON, which no version has written, stay in it as a text: still unreadable, and not lost.
        """
        ALTER TABLE users RENAME TO users_1;
        CREATE TABLE users (
            id TEXT NOT NULL PRIMARY KEY,
            version TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            document TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        INSERT INTO users SELECT id, version, created_at, updated_at,
            CASE WHEN json_valid(attributes)
                THEN json_object('name', name, 'email', email, 'attributes', json(attributes))
                ELSE json_object('name', name, 'email', email, 'attributes', attributes)
            END
            FROM users_1 ORDER BY id;
        DROP TABLE users_1;
        """,

        // What users are found by (SearchKeys), set by the program, because SQL cannot fold case. The indexes are empty at first, so that no start
        // waits for them. search_progress has the id up to which the users of this file have been indexed, and no row when all are.
        // A column is renamed, so that a program of the earlier version that still has the file open cannot write without these.
        """
        ALTER TABLE users RENAME COLUMN document TO body;
        ALTER TABLE users ADD COLUMN email_key TEXT;
        ALTER TABLE users ADD COLUMN name_key TEXT;
        ALTER TABLE users ADD COLUMN attribute_keys BLOB;
        CREATE INDEX search_email ON users (email_key, id) WHERE email_key IS NOT NULL;
        CREATE INDEX search_name ON users (name_key, id) WHERE name_key IS NOT NULL;
        CREATE INDEX search_created_at ON users (created_at, id) WHERE name_key IS NOT NULL;
        CREATE INDEX search_updated_at ON users (updated_at, id) WHERE name_key IS NOT NULL;
        CREATE TABLE search_attributes (
            key INTEGER NOT NULL,
            id TEXT NOT NULL,
            PRIMARY KEY (key, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE search_progress (indexed_to TEXT NOT NULL) STRICT;
        INSERT INTO search_progress VALUES ('');
        """,
    ];

    /// <summary>The version that this program reads and writes.</summary>
    public static int LatestVersion => s_steps.Length;

    /// <summary>
    /// Takes the steps that are missing. The lock is taken also when there are none, so that a file that may not be written to is refused now;
    /// but only what is missing is written, so that a full disk does not keep the store from opening for reads.
    /// </summary>
    public void Run()
    {
        var hasMigrated = false;
        while (TakeStep(ref hasMigrated))
        {
        }

        if (hasMigrated)
        {
            // The log is as long as the file by now, and holds what was in the old table.
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
    }

    /// <summary>Takes the next step, if there is one: another process may have been first.</summary>
    private bool TakeStep(ref bool hasMigrated)
    {
        connection.Execute("BEGIN IMMEDIATE");
        var version = connection.ReadNumber("PRAGMA user_version");
        if (version >= LatestVersion)
        {
            connection.Execute("COMMIT");
            return false;
        }

        var start = Stopwatch.GetTimestamp();
        var holdsUsers = version > 0 && connection.ReadNumber("SELECT EXISTS (SELECT 1 FROM users)") == 1;
        if (holdsUsers)
        {
            LogBegins(path, version, version + 1);
        }

        connection.Execute(s_steps[version]);
        connection.Execute($"PRAGMA user_version = {version + 1}");
        connection.Execute("COMMIT");
        if (holdsUsers)
        {
            LogDone(path, version + 1, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        hasMigrated |= holdsUsers;
        return true;
    }

    [LoggerMessage(2, LogLevel.Information,
        "The user store '{Path}' is being migrated from version {From} to {To}. Requests are served when that is done; programs of the version before cannot open the file any more then.")]
    private partial void LogBegins(string path, long from, long to);

    [LoggerMessage(3, LogLevel.Information, "The user store '{Path}' has version {Version} now, after {Seconds:0.0} s.")]
    private partial void LogDone(string path, long version, double seconds);
}

/// <summary>Statements that are executed once.</summary>
internal static class SqliteConnectionExtensions
{
    public static void Execute(this SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public static string? ReadText(this SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar() as string;
    }

    public static long ReadNumber(this SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }
}
