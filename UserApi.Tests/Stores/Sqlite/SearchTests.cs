using Microsoft.Data.Sqlite;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Sqlite;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Sqlite;

/// <summary>How the embedded store reads and keeps its indexes.</summary>
public sealed class SearchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string File => _folder.File("users.db");

    public void Dispose() => _folder.Dispose();

    // A statement that names several bounds on one side of an index would begin at any of them; one in another order than the index's would read
    // all of it before the first row. Ranges that are sorted have few users.
    [Fact]
    public void Every_page_begins_in_an_index_where_the_page_before_ended_and_reads_no_further_than_it_has_to()
    {
        using var host = Open();
        using var connection = Connect();
        var query = new UserQuery { Email = "ana@example.org", Name = "ana", Attributes = [new("a", "b")], UpdatedSince = DateTime.UnixEpoch };
        var orders = Enum.GetValues<UserOrder>();
        var plans = 0;

        foreach (var range in (SearchRange[])[SearchRange.Users, .. orders.Select(SearchRange.All), .. SearchRange.Of(query)])
        {
            foreach (var isDescending in (bool[])[false, true])
            {
                foreach (var after in (UserPosition?[])[null, new("m", "anb", DateTime.UnixEpoch.AddDays(1)), new("m", "", DateTime.UnixEpoch.AddDays(-1)), new("m", "z", DateTime.MaxValue)])
                {
                    var (sql, values) = range.Select("s.id", after, range.Order, isDescending);
                    var plan = Plan(connection, sql, values);
                    Assert.DoesNotContain("TEMP B-TREE", plan);
                    Assert.True(plan.Contains("INDEX search_", StringComparison.Ordinal) || range.Order == UserOrder.Id, plan);
                    if (values.Contains("m"))
                    {
                        Assert.DoesNotContain("SCAN", plan);
                        Assert.Contains(range.Order == UserOrder.Id ? isDescending ? "id<?" : "id>?" : isDescending ? ")<(?,?)" : ")>(?,?)", plan);
                    }

                    // No filter that the index does not answer. IS NOT NULL is a bound without a value.
                    var others = (plan.Contains("; SEARCH s", StringComparison.Ordinal) ? 1 : 0)
                        + (sql.Contains("name_key IS NOT NULL", StringComparison.Ordinal) && plan.Contains("(name_key>?", StringComparison.Ordinal) ? 1 : 0);
                    Assert.Equal(values.Count, plan.Count(character => character == '?') - others);
                    plans++;
                }
            }

            Assert.DoesNotContain("TEMP B-TREE", Plan(connection, range.Count(1001).Sql, range.Count(1001).Values));
        }

        Assert.Equal((1 + orders.Length + 4) * 8, plans);
    }

    [Fact]
    public async Task Searches_and_addresses_that_must_be_unique_wait_until_an_older_file_is_indexed_and_a_walk_of_all_does_not()
    {
        Copy("version-2.db");
        using var host = Open(("Users:UniqueEmails", "true"));

        Assert.NotEmpty((await host.Store.ListAsync(new(), Cancel)).Items);
        Assert.NotEmpty((await host.Store.ListAsync(new() { IsDescending = true, Count = true }, Cancel)).Items);
        foreach (var query in (UserQuery[])[new() { Order = UserOrder.Name }, new() { Email = "a@example.org" }, new() { UpdatedSince = DateTime.UnixEpoch }])
        {
            await Assert.ThrowsAsync<IndexNotReadyException>(async () => await host.Store.ListAsync(query, Cancel));
        }

        await Assert.ThrowsAsync<IndexNotReadyException>(async () => await host.Store.PutAsync(Id("new"), new("x", "new@example.org"), default, Cancel));
        await Assert.ThrowsAsync<IndexNotReadyException>(async () => await host.Store.UpdateAsync(Id("ana"), body => body with { Email = "new@example.org" }, default, Cancel));
        Assert.Equal(WriteOutcome.Created, (await host.Store.PutAsync(Id("new"), new("x"), default, Cancel)).Outcome);

        // "bea" and the copies of it in the file have one address.
        var refusal = await Assert.ThrowsAsync<DuplicateEmailsException>(() => host.Store.MakeIndexesAsync(Cancel));
        Assert.Contains(File, refusal.Message);
        Assert.DoesNotContain("example.org", refusal.Message);

        using var other = Open();
        await other.Store.MakeIndexesAsync(Cancel);
        var all = (await other.Store.ListAsync(new() { Limit = 200 }, Cancel)).Items.Select(user => user.Id);
        Assert.Equal(all, (await other.Store.ListAsync(new() { Order = UserOrder.Name, Limit = 200 }, Cancel)).Items.Select(user => user.Id).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_process_that_must_keep_addresses_unique_ends_over_a_file_that_breaks_this_and_says_how_to_list_them()
    {
        Copy("version-2.db");

        var (exitCode, _, errors) = await ApiProcess.RunAsync(
            "Production", ("Store__Kind", "Embedded"), ("Store__Path", File), ("Users__UniqueEmails", "true"));

        Assert.Equal(1, exitCode);
        Assert.StartsWith("UserApi does not start. Users:UniqueEmails is true, and 1 e-mail address is that of more than one user.", errors.Trim());
        Assert.DoesNotContain("example.org", errors);
        using var connection = Connect();
        Assert.Equal("bea@example.org", Scalar(connection, errors.Split('"')[1]));
    }

    [Fact]
    public async Task Indexing_goes_on_where_it_was_broken_off_and_counts_what_was_written_meanwhile()
    {
        const int Count = 5000;
        using (Open())
        {
        }

        using (var connection = Connect())
        {
            Execute(connection, $$$"""
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {{{Count}}})
                INSERT INTO users (id, version, created_at, updated_at, body) SELECT printf('u%05d', i), 'v' || i, i, i, '{"name":"Ana","attributes":{"a":"1"}}' FROM n
                """);
        }

        using (var host = Open())
        {
            // Some steps, and then no more.
            using var broken = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var making = host.Store.MakeIndexesAsync(broken.Token);
            await host.Store.PutAsync(Id("u04000"), new("Bea"), default, Cancel);
            await host.Store.DeleteAsync(Id("u04001"), default, Cancel);
            await host.Store.PutAsync(Id("v"), new("Ana"), default, Cancel);
            await broken.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => making);
        }

        string before;
        using (var connection = Connect())
        {
            before = (string)Scalar(connection, "SELECT indexed_to FROM search_progress")!;
            Assert.NotEqual("", before);
        }

        using (var host = Open())
        {
            await host.Store.MakeIndexesAsync(Cancel);
            Assert.Equal(Count - 1, (await host.Store.ListAsync(new() { Name = "ana", Count = true }, Cancel)).Total);
            Assert.Equal(["u04000"], (await host.Store.ListAsync(new() { Name = "bea" }, Cancel)).Items.Select(user => user.Id));
            Assert.Equal(Count - 2, (await host.Store.ListAsync(new() { Attributes = [new("a", "1")], Count = true }, Cancel)).Total);
        }

        using (var connection = Connect())
        {
            Assert.Equal(0L, Scalar(connection, "SELECT count(*) FROM search_progress"));
            Assert.Equal(0L, Scalar(connection, "SELECT count(*) FROM search_attributes a LEFT JOIN users s ON s.id = a.id WHERE s.id IS NULL"));
        }
    }

    // What is kept beside a user follows every kind of write of it, also of one that could not be read.
    [Fact]
    public async Task No_write_leaves_keys_behind()
    {
        using var host = Open();
        await host.Store.MakeIndexesAsync(Cancel);
        using var connection = Connect();
        UserInput[] bodies =
        [
            new("Ana", "a@example.org", new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" }), new("Ana", "a@example.org", new Dictionary<string, string> { ["b"] = "2", ["c"] = "3" }),
            new("Bea", "a@example.org", new Dictionary<string, string> { ["b"] = "2", ["c"] = "3" }), new("Bea", "b@example.org"), new("bea", "B@example.org"), new("Bea"),
        ];
        foreach (var from in bodies)
        {
            foreach (var to in bodies)
            {
                foreach (var isDamaged in (bool[])[false, true])
                {
                    await host.Store.PutAsync(Id("ana"), from, default, Cancel);
                    if (isDamaged)
                    {
                        Execute(connection, "UPDATE users SET body = 'no JSON'");
                    }

                    var user = (await host.Store.PutAsync(Id("ana"), to, default, Cancel)).User!;
                    AssertKeys(user);
                    Execute(connection, isDamaged ? "UPDATE users SET body = 'no JSON'" : "SELECT 1");
                    await host.Store.DeleteAsync(Id("ana"), default, Cancel);
                    Assert.Equal(0L, Scalar(connection, "SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM search_attributes)"));
                }
            }
        }

        void AssertKeys(User user)
        {
            var keys = SearchKeys.Of(user.Body);
            Assert.Equal(
                (keys.Email, keys.Name, string.Join(',', keys.Attributes)),
                (Scalar(connection, "SELECT email_key FROM users") as string, Scalar(connection, "SELECT name_key FROM users"), Scalar(connection, "SELECT coalesce(group_concat(key), '') FROM (SELECT key FROM search_attributes ORDER BY key)")));
            Assert.Equal(
                ((long)(user.CreatedAt - DateTime.UnixEpoch).TotalMilliseconds, (long)(user.UpdatedAt - DateTime.UnixEpoch).TotalMilliseconds),
                (Scalar(connection, "SELECT created_at FROM users"), Scalar(connection, "SELECT updated_at FROM users")));
        }
    }

    private static string Plan(SqliteConnection connection, string sql, List<object> values)
    {
        // The values do not matter to the plan; ADO.NET wants all of them.
        Assert.Equal(sql.Count(character => character == '?'), values.Count);
        using var command = new SqliteCommand($"EXPLAIN QUERY PLAN {sql.Replace('?', '1')}", connection);
        using var reader = command.ExecuteReader();
        var lines = new List<string>();
        while (reader.Read())
        {
            lines.Add(reader.GetString(3));
        }

        return string.Join("; ", lines);
    }

    private static UserId Id(string text) => UserId.TryParse(text, out var id, out var error) ? id : throw new ArgumentException($"{text}: {error}");

    private static object? Scalar(SqliteConnection connection, string sql)
    {
        using var command = new SqliteCommand(sql, connection);
        return command.ExecuteScalar();
    }

    private static void Execute(SqliteConnection connection, string sql) => Scalar(connection, sql);

    private void Copy(string name) => System.IO.File.Copy(Repository.File("UserApi.Tests", "Stores", "Sqlite", name), File);

    private StoreHost Open(params (string, string)[] settings) => new(TimeProvider.System, [("Store:Path", File), ("Store:Timeout", "00:00:20"), .. settings]);

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = File, Pooling = false }.ToString());
        connection.Open();
        return connection;
    }
}
