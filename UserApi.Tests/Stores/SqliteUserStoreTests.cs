using System.Diagnostics;
using CsCheck;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Sqlite;
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
        Assert.Equal((long)SqliteMigrations.LatestVersion, Scalar(connection, "PRAGMA user_version"));
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
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "File modes do not restrict this user (root, or Windows).");
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

    // A deferred foreign key is checked at the end of the transaction, so COMMIT fails and nothing before it.
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

    // No version of this program writes such rows.
    [Theory]
    [InlineData("body = 'no JSON'")]
    [InlineData("body = ''")]
    [InlineData("body = 'null'")]
    [InlineData("body = '[1]'")]
    [InlineData("body = '{}'")]
    [InlineData("body = '{\"name\":null}'")]
    [InlineData("body = '{\"name\":\"Ana\",\"email\":1}'")]
    [InlineData("body = '{\"name\":\"Ana\",\"attributes\":[1]}'")]
    [InlineData("body = '{\"name\":\"Ana\",\"attributes\":{\"a\":1}}'")]
    [InlineData("body = '{\"name\":\"Ana\",\"attributes\":{\"a\":null}}'")]
    [InlineData("body = '{\"name\":\"Ana\",\"attributes\":{\"a\":\"\\ud800\"}}'")]
    [InlineData("body = CAST(x'7b226e616d65223a22ff227d' AS TEXT)")]
    [InlineData("created_at = 9223372036854775807")]
    [InlineData("updated_at = -9223372036854775808")]
    public async Task A_row_that_cannot_be_read_is_left_out_until_it_is_replaced_or_deleted(string damage)
    {
        using var host = Open(File);
        await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        await host.Store.PutAsync(Bea, new("Bea"), default, Cancel);
        using var other = Connect(File);
        Scalar(other, $"UPDATE users SET {damage} WHERE id = 'ana'");

        Assert.Null(await host.Store.FindAsync(Ana, Cancel));
        Assert.Equal(["bea"], (await host.Store.ListAsync(null, 1, Cancel)).Items.Select(user => user.Id));
        Assert.Equal(WriteOutcome.NotFound, (await host.Store.UpdateAsync(Ana, body => body, default, Cancel)).Outcome);

        var replaced = await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        Assert.Equal(WriteOutcome.Replaced, replaced.Outcome);
        Assert.Equal(replaced.User, await host.Store.FindAsync(Ana, Cancel));

        Scalar(other, $"UPDATE users SET {damage} WHERE id = 'ana'");
        Assert.Equal(WriteOutcome.Deleted, (await host.Store.DeleteAsync(Ana, default, Cancel)).Outcome);
        Assert.Equal(WriteOutcome.Created, (await host.Store.PutAsync(Ana, new("Ana"), default, Cancel)).Outcome);
    }

    [Fact]
    public async Task A_row_whose_id_no_request_can_name_is_on_no_page()
    {
        using var host = Open(File);
        await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        using var other = Connect(File);
        Scalar(other, "INSERT INTO users (id, version, created_at, updated_at, body) SELECT '$', version, created_at, updated_at, body FROM users");

        var page = await host.Store.ListAsync(null, 1, Cancel);
        Assert.Equal(["ana"], page.Items.Select(user => user.Id));
        Assert.Null(page.Next);
    }

    [Theory]
    [InlineData("an unreadable row", "UPDATE users SET body = 'no JSON' WHERE id = 'ana'")]
    [InlineData("a rule", "CREATE TRIGGER rule BEFORE UPDATE ON users WHEN NEW.id = 'ana' BEGIN SELECT RAISE(ABORT, 'refused'); END")]
    public async Task A_write_that_cannot_be_applied_fails_alone(string what, string fault)
    {
        using var host = Open(File, "00:00:20");
        await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        using var other = Connect(File);
        Scalar(other, fault);

        var (failed, others) = await WriteTogetherAsync(host.Store, other);

        if (what == "a rule")
        {
            Assert.False(Assert.IsType<StoreUnavailableException>(failed).MayHaveBeenApplied);
        }

        Assert.All(others, result => Assert.Equal(WriteOutcome.Created, result?.Outcome));
        Assert.Equal(others.Select(result => result!.Value.User!.Id), (await host.Store.ListAsync(Ana, 100, Cancel)).Items.Select(user => user.Id));
    }

    // SQLite itself rolls the transaction back when the disk is full or cannot be read.
    [Fact]
    public async Task A_write_that_ends_the_transaction_fails_all_that_are_in_it_and_none_is_applied()
    {
        using var host = Open(File, "00:00:20");
        await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);
        using var other = Connect(File);
        Scalar(other, "CREATE TRIGGER rule BEFORE UPDATE ON users WHEN NEW.id = 'ana' BEGIN SELECT RAISE(ROLLBACK, 'refused'); END");

        var (failed, others) = await WriteTogetherAsync(host.Store, other);

        Assert.False(Assert.IsType<StoreUnavailableException>(failed).MayHaveBeenApplied);
        var applied = others.Where(result => result is not null).Select(result => result!.Value.User!.Id);
        Assert.Equal(applied, (await host.Store.ListAsync(Ana, 100, Cancel)).Items.Select(user => user.Id));
        Assert.Contains(null, others);
    }

    [Fact]
    public async Task Every_user_is_on_some_page_and_no_page_is_larger_than_its_bound()
    {
        var sizes = Gen.Frequency((5, Gen.Int[0, 500]), (2, Gen.Int[10_000, 40_000]), (1, Gen.Int[100_000, 300_000]));
        await Gen.Select(sizes.Array[0, 40], Gen.Int[1, 50], Gen.OneOf("x", "é", "𐐀")).SampleAsync(async (lengths, limit, text) =>
        {
            using var folder = new TemporaryFolder();
            using var host = Open(folder.File("users.db"), "00:00:20");
            await Task.WhenAll(lengths.Select((length, number) => host.Store.PutAsync(
                Id($"u{number:00}"), new("Ana", null, new Dictionary<string, string> { ["a"] = string.Concat(Enumerable.Repeat(text, length / 4)) }), default, Cancel).AsTask()));

            var seen = new List<string>();
            for (string? after = null; ;)
            {
                var page = await host.Store.ListAsync(after is null ? null : Id(after), limit, Cancel);
                Assert.InRange(page.Items.Count, after is null ? 0 : 1, limit);
                Assert.InRange(page.Items.Skip(1).Sum(user => user.TextLength), 0, UserPage.MaxBytes);
                seen.AddRange(page.Items.Select(user => user.Id));
                if (page.Next is null)
                {
                    break;
                }

                after = page.Next;
                Assert.Equal(seen[^1], after);
            }

            Assert.Equal(lengths.Select((_, number) => $"u{number:00}"), seen);
        }, iter: 25);
    }

    [Fact]
    public async Task What_is_behind_a_full_page_is_not_read()
    {
        var large = new UserInput("Ana", null, new Dictionary<string, string> { ["a"] = new('x', UserPage.MaxBytes) });
        var unreadable = 0;
        using var store = new SqliteUserStore(File, TimeSpan.FromSeconds(10), TimeProvider.System, NullLogger<SqliteUserStore>.Instance, () => unreadable++);
        foreach (var id in (string[])["a", "b", "c"])
        {
            await store.PutAsync(Id(id), large, default, Cancel);
        }

        using var other = Connect(File);
        Scalar(other, "UPDATE users SET body = '' WHERE id = 'c'");

        Assert.Equal("a", (await store.ListAsync(null, 200, Cancel)).Next);
        Assert.Equal(0, unreadable);
        Assert.Null((await store.ListAsync(Id("a"), 200, Cancel)).Next);
        Assert.Equal(1, unreadable);
    }

    [Fact]
    public async Task Only_this_user_of_the_machine_may_read_the_file_its_log_and_its_index()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no file modes.");
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode OwnersFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            var folder = Path.Combine(_folder.Path, "a");
            var path = Path.Combine(folder, "users.db");
            using var host = Open(path);
            await host.Store.PutAsync(Ana, new("Ana"), default, Cancel);

            Assert.Equal(["users.db", "users.db-shm", "users.db-wal"], Directory.EnumerateFiles(folder).Select(Path.GetFileName).Order());
            foreach (var file in Directory.EnumerateFiles(folder))
            {
                Assert.Equal(OwnersFile, System.IO.File.GetUnixFileMode(file));
            }

            Assert.Equal(OwnersFile | UnixFileMode.UserExecute, System.IO.File.GetUnixFileMode(folder));
        }
    }

    [Fact]
    public void A_file_that_others_may_read_is_left_as_it_is_with_a_warning()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no file modes.");
        if (!OperatingSystem.IsWindows())
        {
            const UnixFileMode GroupsFile = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
            using var log = new LogCollector();
            using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
            OpenWithLog();
            Assert.Empty(log.Lines);

            System.IO.File.SetUnixFileMode(File, GroupsFile);
            OpenWithLog();
            Assert.Contains("chmod 600", Assert.Single(log.Lines));
            Assert.Contains("mode 640", log.Text);
            Assert.Equal(GroupsFile, System.IO.File.GetUnixFileMode(File));

            void OpenWithLog() => new SqliteUserStore(
                File, TimeSpan.FromSeconds(10), TimeProvider.System, loggers.CreateLogger<SqliteUserStore>(), () => { }).Dispose();
        }
    }

    // The users have many lengths, so that pages of the file are split, merged and freed.
    [Fact]
    public async Task What_was_deleted_or_replaced_is_in_no_file_after_a_clean_stop()
    {
        var ids = Enumerable.Range(0, 300).Select(number => Id($"u{number:000}")).ToList();
        using (var host = Open(File, "00:00:20"))
        {
            await Task.WhenAll(ids.Select((id, number) => host.Store.PutAsync(id, Secret(number), default, Cancel).AsTask()));
            await Task.WhenAll(ids.Select((id, number) => number % 3 == 0
                ? host.Store.PutAsync(id, new("Bea"), default, Cancel).AsTask()
                : host.Store.DeleteAsync(id, default, Cancel).AsTask()));
        }

        Assert.All(Directory.EnumerateFiles(_folder.Path), file => Assert.Equal(-1, System.IO.File.ReadAllBytes(file).AsSpan().IndexOf("Secretname"u8)));

        using var reopened = Open(File);
        Assert.Equal(100, (await reopened.Store.ListAsync(null, 200, Cancel)).Items.Count);

        static UserInput Secret(int number) => new(
            $"Secretname {number}", null, new Dictionary<string, string> { ["a"] = string.Concat(Enumerable.Repeat("Secretname ", number * number / 50)) });
    }

    /// <summary>Puts new users and updates or puts "ana" while the file is locked, so that these writes share a transaction.</summary>
    private static async Task<(Exception? Failed, List<WriteResult?> Others)> WriteTogetherAsync(IUserStore store, SqliteConnection other)
    {
        List<Task<WriteResult>> writes = [];
        Task<WriteResult> failing;
        using (other.BeginTransaction())
        {
            writes.AddRange(Enumerable.Range(0, 10).Select(Put));
            failing = store.UpdateAsync(Ana, body => body with { Name = "Ana Lima" }, default, Cancel).AsTask();
            writes.AddRange(Enumerable.Range(10, 10).Select(Put));
        }

        await Task.WhenAll([failing, .. writes]).ContinueWith(_ => { }, Cancel, TaskContinuationOptions.None, TaskScheduler.Default);
        return (failing.Exception?.InnerException, [.. writes.Select(write => write.IsCompletedSuccessfully ? write.Result : (WriteResult?)null)]);

        Task<WriteResult> Put(int number) => store.PutAsync(Id($"b{number:00}"), new("Bea"), default, Cancel).AsTask();
    }

    private static UserId Id(string text) => UserId.TryParse(text, out var id, out var error) ? id : throw new ArgumentException($"{text}: {error}");

    private static StoreHost Open(string path, string timeout = "00:00:01.5") =>
        new(TimeProvider.System, ("Store:Path", path), ("Store:Timeout", timeout));

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
                    Scalar(connection, $"PRAGMA user_version = {SqliteMigrations.LatestVersion + 1}");
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

    /// <summary>The files of the folder with their contents.</summary>
    private Dictionary<string, string> Contents() => Directory
        .EnumerateFiles(_folder.Path, "*", SearchOption.AllDirectories)
        .ToDictionary(path => path, path => Convert.ToHexString(System.IO.File.ReadAllBytes(path)));
}
