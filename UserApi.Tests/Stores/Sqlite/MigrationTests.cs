using System.Text.Json;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Sqlite;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Sqlite;

/// <summary>
/// Migration of files of earlier versions. For each version, this folder has a file that the program of that version wrote, with users of
/// every kind and rows that cannot be read, and the users that this program returned from it.
/// </summary>
public sealed class MigrationTests : IDisposable
{
    private const int Version1Rows = 45;
    private const int Version2Rows = 46;

    private static readonly string[] s_unreadable =
        ["bad-json", "bad-array", "bad-null", "bad-surrogate", "bad-created", "bad-updated"];

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string File => _folder.File("users.db");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("version-1")]
    [InlineData("version-2")]
    public async Task Every_user_of_a_file_of_an_earlier_version_is_as_it_was(string version)
    {
        Copy($"{version}.db");
        var expected = JsonDocument.Parse(await System.IO.File.ReadAllBytesAsync(Fixture($"{version}.json"), Cancel)).RootElement.EnumerateArray()
            .Select(answer => (Tag: answer.GetProperty("tag").GetString(), User: answer.GetProperty("user").GetRawText())).ToList();
        using (var host = Open())
        {
            var page = await host.Store.ListAsync(null, 200, Cancel);

            Assert.Null(page.Next);
            Assert.Equal(expected, page.Items.Select(Answer));
            foreach (var (user, answer) in page.Items.Zip(expected))
            {
                Assert.Equal(answer, Answer((await host.Store.FindAsync(Id(user.Id), Cancel))!));

                // Putting the same user again must change nothing.
                Assert.Equal((WriteOutcome.Unchanged, user.Version), await PutAsync(host, user.Id, user.Body));
            }
        }

        Assert.Equal(["users.db"], Directory.EnumerateFiles(_folder.Path).Select(Path.GetFileName));
        using var connection = Connect();
        Assert.Equal((long)SqliteMigrations.LatestVersion, Scalar(connection, "PRAGMA user_version"));
        Assert.Equal("ok", Scalar(connection, "PRAGMA integrity_check"));
        Assert.Equal("search_attributes,search_progress,users", Scalar(connection, "SELECT group_concat(name) FROM (SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name)"));

        static (string?, string) Answer(User user) => ($"\"{user.Version}\"", JsonSerializer.Serialize(user, UserJson.Readable.User));
    }

    [Theory]
    [InlineData("version-1", Version1Rows)]
    [InlineData("version-2", Version2Rows)]
    public async Task A_row_that_could_not_be_read_is_kept_and_can_be_mended(string version, long rows)
    {
        Copy($"{version}.db");
        using var host = Open();
        using var connection = Connect();
        Assert.Equal(rows, Scalar(connection, "SELECT count(*) FROM users"));
        Assert.Equal(1L, Scalar(connection, "SELECT instr(body, 'no JSON') > 0 FROM users WHERE id = 'bad-json'"));

        foreach (var id in s_unreadable)
        {
            Assert.Null(await host.Store.FindAsync(Id(id), Cancel));
            Assert.Equal(WriteOutcome.Replaced, (await PutAsync(host, id, new("Ana"))).Outcome);
            Assert.Equal("Ana", (await host.Store.FindAsync(Id(id), Cancel))?.Name);
        }
    }

    [Fact]
    public void The_log_says_that_a_file_is_migrated_once_and_of_a_new_file_nothing()
    {
        using var log = new LogCollector();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        Copy("version-1.db");
        OpenWithLog(File);
        OpenWithLog(File);
        OpenWithLog(_folder.File("new.db"));

        Assert.Equal(2 * (SqliteMigrations.LatestVersion - 1), log.Lines.Count);
        Assert.Contains("is being migrated from version 1 to 2", log.Lines.First());
        Assert.Contains($"has version {SqliteMigrations.LatestVersion} now", log.Lines.Last());

        void OpenWithLog(string path) => new SqliteUserStore(
            path, TimeSpan.FromSeconds(10), TimeProvider.System, loggers.CreateLogger<SqliteUserStore>(), () => { }).Dispose();
    }

    // The old table cannot be dropped while another one refers to its rows. The step drops it after everything else.
    [Fact]
    public async Task A_step_that_fails_leaves_the_version_before_whole()
    {
        Copy("version-1.db");
        using (var connection = Connect())
        {
            Scalar(connection, "CREATE TABLE child (id TEXT REFERENCES users); INSERT INTO child VALUES ('ana')");
        }

        var before = Dump();

        Assert.Contains("FOREIGN KEY", Assert.Throws<StoreFileException>(() => Open()).Message);

        Assert.Equal(before, Dump());
        using (var connection = Connect())
        {
            Assert.Equal(1L, Scalar(connection, "PRAGMA user_version"));
            Scalar(connection, "DROP TABLE child");
        }

        using var host = Open();
        Assert.Equal("Ana", (await host.Store.FindAsync(Id("ana"), Cancel))?.Name);
    }

    [Fact]
    public async Task A_process_that_is_killed_in_the_middle_leaves_the_version_before_whole()
    {
        const int Copies = 60_000;
        Copy("version-1.db");
        using (var connection = Connect())
        {
            Scalar(connection, $"""
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Copies})
                INSERT INTO users SELECT 'z' || i, name, email, attributes, created_at, updated_at, 'v' || i FROM n, users WHERE id = 'bea'
                """);
        }

        // The write-ahead log grows once the transaction does not fit into memory, so the migration is under way.
        await using (var process = ApiProcess.Start("Development", ("Store__Path", File)))
        {
            await Poll.UntilAsync(() => new FileInfo($"{File}-wal") is { Exists: true, Length: > 1_000_000 }, TimeSpan.FromSeconds(60));
            await process.KillAsync();
        }

        using (var connection = Connect())
        {
            Assert.Equal(1L, Scalar(connection, "PRAGMA user_version"));
            Assert.Equal((long)Version1Rows + Copies, Scalar(connection, "SELECT count(*) FROM users WHERE name IS NOT NULL"));
            Assert.Equal("ok", Scalar(connection, "PRAGMA integrity_check"));
        }

        using var host = Open();
        Assert.Equal(("Bea", "v60000"), (await host.Store.FindAsync(Id("z60000"), Cancel)) is { } user ? (user.Name, user.Version) : default);
    }

    private static UserId Id(string text) => UserId.TryParse(text, out var id, out var error) ? id : throw new ArgumentException($"{text}: {error}");

    private static async Task<(WriteOutcome Outcome, string? Version)> PutAsync(StoreHost host, string id, UserInput body)
    {
        var result = await host.Store.PutAsync(Id(id), body, default, Cancel);
        return (result.Outcome, result.Version);
    }

    private static string Fixture(string name) => Repository.File("UserApi.Tests", "Stores", "Sqlite", name);

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = new SqliteCommand(sql, connection);
        return command.ExecuteScalar();
    }

    private void Copy(string name)
    {
        System.IO.File.Copy(Fixture(name), File);
        if (!OperatingSystem.IsWindows())
        {
            System.IO.File.SetUnixFileMode(File, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    private StoreHost Open() => new(TimeProvider.System, ("Store:Path", File), ("Store:Timeout", "00:00:20"));

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = File, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private string Dump()
    {
        using var connection = Connect();
        return $"{Scalar(connection, "SELECT group_concat(sql) FROM sqlite_schema")} "
            + Scalar(connection, "SELECT group_concat(id || quote(name) || quote(email) || quote(attributes) || created_at || updated_at || version) FROM users");
    }
}
