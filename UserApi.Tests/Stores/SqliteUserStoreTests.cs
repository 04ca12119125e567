using System.Diagnostics;
using Microsoft.Data.Sqlite;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>What the embedded store does with its file.</summary>
public sealed class SqliteUserStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private static UserId Ana { get; } = UserId.TryParse("ana", out var id, out _) ? id : default;

    private static UserId Bea { get; } = UserId.TryParse("bea", out var id, out _) ? id : default;

    private string File => _folder.File("users.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Users_outlive_the_process_in_a_folder_that_is_made()
    {
        var path = Path.Combine(_folder.Path, "a", "b", "users.db");
        WriteResult written;
        using (var first = Open(path))
        {
            written = await first.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        }

        using var second = Open(path);
        Assert.Equal(written.User, await second.Store.FindAsync(Ana, Cancel));
    }

    [Fact]
    public void The_file_is_in_write_ahead_log_mode_and_says_whose_it_is()
    {
        using var host = Open(File);
        using var connection = Connect(File);

        Assert.Equal("wal", Scalar(connection, "PRAGMA journal_mode"));
        Assert.Equal(0x55534552L, Scalar(connection, "PRAGMA application_id"));
        Assert.Equal(1L, Scalar(connection, "PRAGMA user_version"));
    }

    [Theory]
    [InlineData("not a database", "not a database")]
    [InlineData("another program's database", "not a user store")]
    [InlineData("a newer version's", "newer")]
    [InlineData("a store without its table", "no such table")]
    [InlineData("a folder", "cannot be opened")]
    [InlineData("below a file", "cannot be opened")]
    public void A_file_that_is_no_user_store_is_refused_and_left_as_it_is(string what, string expected)
    {
        var path = Make(what);
        var before = Contents();

        var refusal = Assert.Throws<StoreFileException>(() => Open(path));

        Assert.Contains(path, refusal.Message);
        Assert.Contains(expected, refusal.Message);
        Assert.Equal(before, Contents());
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_refused()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "File modes do not bind this user (root, or Windows).");
        if (!OperatingSystem.IsWindows())
        {
            System.IO.File.SetUnixFileMode(_folder.Path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            var refusal = Assert.Throws<StoreFileException>(() => Open(File));
            System.IO.File.SetUnixFileMode(_folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Assert.Contains(File, refusal.Message);
        }
    }

    [Fact]
    public async Task A_lock_held_by_another_process_delays_writes_within_bounds_and_reads_not_at_all()
    {
        using var host = Open(File);
        await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        using var other = Connect(File);
        using (var transaction = other.BeginTransaction())
        {
            var start = Stopwatch.GetTimestamp();
            var writes = Enumerable.Range(0, 20)
                .Select(_ => Assert.ThrowsAsync<StoreUnavailableException>(async () => await host.Store.PutAsync(Ana, new("Bea"), default, Cancel)))
                .ToList();
            Assert.Equal("Ana", (await host.Store.FindAsync(Ana, Cancel))?.Name);
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(0.5));
            Assert.False((await writes[0]).MayHaveBeenApplied);
            await Task.WhenAll(writes);
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(2));
        }

        var written = await host.Store.PutAsync(Ana, new("Eva"), default, Cancel);
        Assert.Equal(written.User, await host.Store.FindAsync(Ana, Cancel));
    }

    // A foreign key that is deferred is looked at when the transaction ends: COMMIT fails, and nothing before it.
    [Theory]
    [InlineData("BEFORE INSERT ON users BEGIN SELECT RAISE(ABORT, 'refused'); END", false)]
    [InlineData("AFTER INSERT ON users BEGIN INSERT INTO child VALUES (NEW.id); END", true)]
    public async Task A_write_that_fails_may_have_been_applied_only_if_it_was_being_committed(string trigger, bool mayHaveBeenApplied)
    {
        User ana, bea;
        using (var host = Open(File))
        {
            ana = (await host.Store.PutAsync(Ana, new("Ana"), default, Cancel)).User!;
            using var other = Connect(File);
            Scalar(other, $"""
                CREATE TABLE parent (id TEXT PRIMARY KEY);
                CREATE TABLE child (id TEXT REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER fault {trigger};
                """);

            var failure = await Assert.ThrowsAsync<StoreUnavailableException>(async () => await host.Store.PutAsync(Bea, new("Bea"), default, Cancel));

            Assert.Equal(mayHaveBeenApplied, failure.MayHaveBeenApplied);
            Assert.Equal([ana], (await host.Store.ListAsync(null, 10, Cancel)).Items);
            Scalar(other, "DROP TRIGGER fault");
            bea = (await host.Store.PutAsync(Bea, new("Bea"), default, Cancel)).User!;
        }

        using var reopened = Open(File);
        Assert.Equal([ana, bea], (await reopened.Store.ListAsync(null, 10, Cancel)).Items);
    }

    private static StoreHost Open(string path) => new(TimeProvider.System, ("Store:Path", path));

    private static SqliteConnection Connect(string path)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = new SqliteCommand(sql, connection);
        return command.ExecuteScalar();
    }

    private string Make(string what)
    {
        switch (what)
        {
            case "not a database":
                System.IO.File.WriteAllText(File, string.Join('\n', Enumerable.Repeat("Notes of somebody else.", 1000)));
                return File;
            case "another program's database":
                using (var connection = Connect(File))
                {
                    Scalar(connection, "CREATE TABLE users (id TEXT PRIMARY KEY); INSERT INTO users VALUES ('ana')");
                }

                return File;
            case "a newer version's":
                using (Open(File))
                {
                }

                using (var connection = Connect(File))
                {
                    Scalar(connection, "PRAGMA user_version = 2");
                }

                return File;
            case "a store without its table":
                using (Open(File))
                {
                }

                using (var connection = Connect(File))
                {
                    Scalar(connection, "DROP TABLE users");
                }

                return File;
            case "a folder":
                Directory.CreateDirectory(File);
                return File;
            default:
                System.IO.File.WriteAllText(File, "A file.");
                return Path.Combine(File, "users.db");
        }
    }

    /// <summary>Every file of the folder with its bytes.</summary>
    private Dictionary<string, string> Contents() => Directory
        .EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories)
        .ToDictionary(path => path, path => Convert.ToHexString(System.IO.File.ReadAllBytes(path)));
}
