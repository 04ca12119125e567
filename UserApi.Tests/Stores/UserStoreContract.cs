using System.Globalization;
using System.Text;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>What every <see cref="IUserStore"/> must do. Each derived class provides the database of one store.</summary>
public abstract partial class UserStoreContract : IAsyncLifetime
{
    private const int Racers = 100;

    private static readonly string[] s_keysLikePathsAndOperators = ["a.b", "a", ".", "..", "a.", ".a", "_id", "-", "0", "a.b.c"];

    private readonly List<StoreHost> _hosts = [];
    private readonly ManualClock _clock = new();
    private (string, string)[] _settings = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private IUserStore Store { get; set; } = null!;

    public async ValueTask InitializeAsync()
    {
        _settings = await CreateDatabaseAsync();
        Store = Open();
        await Store.MakeIndexesAsync(Cancel);
    }

    public async ValueTask DisposeAsync()
    {
        _hosts.ForEach(host => host.Dispose());
        await DropDatabaseAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Creates a database for one test and returns the settings that name it.</summary>
    protected abstract ValueTask<(string Key, string Value)[]> CreateDatabaseAsync();

    protected abstract ValueTask DropDatabaseAsync();

    [Fact]
    public async Task A_user_that_was_never_put_is_not_found() => Assert.Null(await Store.FindAsync(Id("ana"), Cancel));

    [Fact]
    public async Task The_first_put_creates_and_the_next_ones_replace()
    {
        var created = await PutAsync("ana", new("Ana"));
        _clock.Now += TimeSpan.FromMinutes(1);
        var replaced = await PutAsync("ana", new("Ana Maria"));

        Assert.Equal(WriteOutcome.Created, created.Outcome);
        Assert.Equal("Ana", created.User!.Name);
        Assert.Equal(WriteOutcome.Replaced, replaced.Outcome);
        AssertSame(replaced.User!, await FindAsync("ana"));
        Assert.Equal("Ana Maria", replaced.User!.Name);
    }

    [Fact]
    public async Task A_replaced_user_keeps_its_time_of_creation_and_a_user_made_again_does_not()
    {
        var created = (await PutAsync("ana", new("Ana"))).User!;
        var start = _clock.Now.UtcDateTime;
        _clock.Now += TimeSpan.FromMilliseconds(1);
        var replaced = (await PutAsync("ana", new("Ana Lima"))).User!;
        await DeleteAsync("ana");
        _clock.Now += TimeSpan.FromDays(1);
        var remade = await PutAsync("ana", new("Ana"));

        Assert.Equal((start, start), (created.CreatedAt, created.UpdatedAt));
        Assert.Equal((start, start.AddMilliseconds(1)), (replaced.CreatedAt, replaced.UpdatedAt));
        Assert.Equal(WriteOutcome.Created, remade.Outcome);
        Assert.Equal((_clock.Now.UtcDateTime, _clock.Now.UtcDateTime), (remade.User!.CreatedAt, remade.User.UpdatedAt));
        AssertSame(remade.User, await FindAsync("ana"));
    }

    [Fact]
    public async Task Times_are_utc_and_kept_to_the_millisecond()
    {
        _clock.Now = new DateTimeOffset(2024, 2, 29, 23, 59, 59, 999, TimeSpan.FromHours(-3)).AddTicks(9999);

        var written = (await PutAsync("ana", new("Ana"))).User!;

        Assert.Equal(new DateTime(2024, 3, 1, 2, 59, 59, 999, DateTimeKind.Utc), written.UpdatedAt);
        Assert.Equal(DateTimeKind.Utc, written.UpdatedAt.Kind);
        var found = await FindAsync("ana");
        AssertSame(written, found);
        Assert.Equal((DateTimeKind.Utc, DateTimeKind.Utc), (found!.CreatedAt.Kind, found.UpdatedAt.Kind));
    }

    [Theory]
    [InlineData("name only")]
    [InlineData("everything")]
    [InlineData("keys like paths and operators")]
    [InlineData("control characters in values")]
    [InlineData("longest")]
    public async Task Every_field_comes_back_as_it_was_put(string kind)
    {
        var body = kind switch
        {
            "name only" => new UserInput("x"),
            "everything" => new("Zoë 🦊 李小龍 عمر", "zoë@bücher.example", new Dictionary<string, string> { ["a"] = "", ["b"] = "é ≠ e\u0301 𐐀" }),
            "keys like paths and operators" => new(
                "$set", null, s_keysLikePathsAndOperators.ToDictionary(key => key, key => "$" + key)),
            "control characters in values" => new(
                "x", null, new Dictionary<string, string> { ["c"] = "\0\u0001\r\n\t\"\\\u007f\u0085\u2028\ufeff\uffff" }),
            _ => new(
                new('名', UserInput.MaxNameLength),
                new string('e', 64) + "@" + string.Join('.', Enumerable.Repeat(new string('d', 46), 4)),
                Enumerable.Range(10, UserInput.MaxAttributes).ToDictionary(
                    i => i + new string('k', UserInput.MaxAttributeKeyLength - 2),
                    _ => string.Concat(Enumerable.Repeat("𐐀", UserInput.MaxAttributeValueLength)))),
        };

        var written = await PutAsync("ana", body);

        Assert.Equal(WriteOutcome.Created, written.Outcome);
        Assert.Equal(("ana", body.Name, body.Email), (written.User!.Id, written.User.Name, written.User.Email));
        Assert.Equal(body.Attributes, written.User.Attributes);
        AssertSame(written.User, await FindAsync("ana"));
        AssertSame(written.User, Assert.Single((await Store.ListAsync(null, 2, Cancel)).Items));
    }

    [Fact]
    public async Task A_put_replaces_the_whole_user()
    {
        await PutAsync("ana", new("Ana", "ana@example.org", new Dictionary<string, string> { ["a"] = "1", ["b"] = "2" }));
        await PutAsync("ana", new("Ana", "ana@example.org", new Dictionary<string, string> { ["b"] = "3" }));
        var fewer = await FindAsync("ana");
        await PutAsync("ana", new("Ana"));
        var least = await FindAsync("ana");

        Assert.Equal("3", Assert.Single(fewer!.Attributes!).Value);
        Assert.Null(least!.Email);
        Assert.Null(least.Attributes);
    }

    [Fact]
    public async Task An_update_is_made_of_what_is_there_and_keeps_the_time_of_creation()
    {
        var created = (await PutAsync("ana", new("Ana", "ana@example.org", new Dictionary<string, string> { ["a"] = "1" }))).User!;
        _clock.Now += TimeSpan.FromMinutes(1);

        var updated = await Store.UpdateAsync(Id("ana"), body => body with { Name = $"{body.Name} Lima" }, default, Cancel);

        Assert.Equal(WriteOutcome.Replaced, updated.Outcome);
        Assert.NotEqual(created.Version, updated.Version);
        var expected = created with { Name = "Ana Lima", UpdatedAt = _clock.Now.UtcDateTime, Version = updated.Version! };
        AssertSame(expected, updated.User);
        AssertSame(expected, await FindAsync("ana"));
    }

    [Fact]
    public async Task A_change_that_comes_to_nothing_leaves_the_user()
    {
        var created = (await PutAsync("ana", new("Ana"))).User!;

        Assert.Equal(new(WriteOutcome.Invalid), await Store.UpdateAsync(Id("ana"), _ => null, default, Cancel));
        AssertSame(created, await FindAsync("ana"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_put_of_what_is_there_keeps_the_version_and_the_times_under_every_precondition_that_holds(bool returnUser)
    {
        foreach (var body in SampleBodies())
        {
            var id = $"u{Guid.NewGuid():N}";
            var created = (await PutAsync(id, body)).User!;
            _clock.Now += TimeSpan.FromMinutes(1);

            foreach (var precondition in (Precondition[])[default, new(null, new(["old"])), new(EntityTagSet.Any, null), Precondition.Matches(created.Version)])
            {
                var result = await Store.PutAsync(Id(id), Copy(body), precondition, returnUser, Cancel);

                Assert.Equal((WriteOutcome.Unchanged, created.Version), (result.Outcome, result.Version));
                AssertSame(created, returnUser ? result.User : await FindAsync(id));
            }

            foreach (var precondition in (Precondition[])[Precondition.IsNew, new(null, new([created.Version])), Precondition.Matches("old")])
            {
                Assert.Equal(new(WriteOutcome.PreconditionFailed), await Store.PutAsync(Id(id), Copy(body), precondition, returnUser, Cancel));
            }

            AssertSame(created, await FindAsync(id));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_put_of_anything_else_is_a_new_version(bool returnUser)
    {
        await PutAsync("ana", new("Ana"));
        _clock.Now += TimeSpan.FromMinutes(1);
        var versions = new HashSet<string?>();

        // Each body differs from the one before it. The order of attributes counts, because clients see it.
        foreach (var body in SampleBodies())
        {
            var result = await Store.PutAsync(Id("ana"), body, default, returnUser, Cancel);
            Assert.Equal(WriteOutcome.Replaced, result.Outcome);
            Assert.True(versions.Add(result.Version));
            var found = await FindAsync("ana");
            Assert.Equal((result.Version, _clock.Now.UtcDateTime), (found!.Version, found.UpdatedAt));
            Assert.True(body.IsSameAs(found.Body));
        }
    }

    [Fact]
    public async Task An_update_that_changes_nothing_keeps_the_version_and_the_times_where_its_precondition_holds()
    {
        var created = (await PutAsync("ana", new("Ana", "ana@example.org", new Dictionary<string, string> { ["a"] = "1" }))).User!;
        _clock.Now += TimeSpan.FromMinutes(1);

        foreach (var precondition in (Precondition[])[default, Precondition.Matches(created.Version)])
        {
            var result = await Store.UpdateAsync(Id("ana"), Copy, precondition, Cancel);
            Assert.Equal((WriteOutcome.Unchanged, created.Version), (result.Outcome, result.Version));
            AssertSame(created, result.User);
        }

        Assert.Equal(new(WriteOutcome.PreconditionFailed), await Store.UpdateAsync(Id("ana"), Copy, Precondition.Matches("old"), Cancel));
        AssertSame(created, await FindAsync("ana"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_many_puts_of_the_same_at_once_one_writes_and_all_others_find_it_done(bool returnUser)
    {
        var created = await RaceAsync((store, _) => store.PutAsync(Id("ana"), new("Ana"), default, returnUser, Cancel));
        var replaced = await RaceAsync((store, _) => store.PutAsync(Id("ana"), new("Bea"), default, returnUser, Cancel));

        Assert.Single(created, result => result.Outcome == WriteOutcome.Created);
        Assert.Single(replaced, result => result.Outcome == WriteOutcome.Replaced);
        Assert.Equal(2 * (Racers - 1), created.Concat(replaced).Count(result => result.Outcome == WriteOutcome.Unchanged));
        Assert.Single(created.Select(result => result.Version).Distinct());
        Assert.Equal([(await FindAsync("ana"))!.Version], replaced.Select(result => result.Version).Distinct());
    }

    [Fact]
    public async Task Ids_are_exact()
    {
        string[] ids = ["ana", "Ana", "ANA", "aná", "ana.", "ana=", "𐐀", "𐐨", "ı", "i", "I", new('x', UserId.MaxLength)];
        foreach (var id in ids)
        {
            Assert.Equal(WriteOutcome.Created, (await PutAsync(id, new($"I am {id}"))).Outcome);
        }

        foreach (var id in ids)
        {
            Assert.Equal((id, $"I am {id}"), await FindAsync(id) is { } user ? (user.Id, user.Name) : default);
        }
    }

    [Fact]
    public async Task A_deleted_user_is_gone()
    {
        await PutAsync("ana", new("Ana"));
        await PutAsync("bea", new("Bea"));

        Assert.Equal(new(WriteOutcome.Deleted), await DeleteAsync("ana"));
        Assert.Equal(new(WriteOutcome.NotFound), await DeleteAsync("ana"));
        Assert.Null(await FindAsync("ana"));
        Assert.Equal("bea", Assert.Single((await Store.ListAsync(null, 2, Cancel)).Items).Id);
    }

    // "old" is a previous version of the user, "now" the current one.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public Task A_put_goes_ahead_only_if_its_precondition_holds(bool returnUser) => AssertOutcomesAsync(
        (id, precondition) => Store.PutAsync(Id(id), new("New"), precondition, returnUser, Cancel),
        """
        If-Match  If-None-Match  there               not there
        -         -              Replaced            Created
        -         *              PreconditionFailed  Created
        -         old            Replaced            Created
        -         now            PreconditionFailed  Created
        -         old,now        PreconditionFailed  Created
        *         -              Replaced            PreconditionFailed
        *         *              PreconditionFailed  PreconditionFailed
        *         old            Replaced            PreconditionFailed
        *         now            PreconditionFailed  PreconditionFailed
        *         old,now        PreconditionFailed  PreconditionFailed
        old       -              PreconditionFailed  PreconditionFailed
        old       *              PreconditionFailed  PreconditionFailed
        old       old            PreconditionFailed  PreconditionFailed
        old       now            PreconditionFailed  PreconditionFailed
        old       old,now        PreconditionFailed  PreconditionFailed
        now       -              Replaced            PreconditionFailed
        now       *              PreconditionFailed  PreconditionFailed
        now       old            Replaced            PreconditionFailed
        now       now            PreconditionFailed  PreconditionFailed
        now       old,now        PreconditionFailed  PreconditionFailed
        old,now   -              Replaced            PreconditionFailed
        old,now   *              PreconditionFailed  PreconditionFailed
        old,now   old            Replaced            PreconditionFailed
        old,now   now            PreconditionFailed  PreconditionFailed
        old,now   old,now        PreconditionFailed  PreconditionFailed
        """);

    // A missing user is NotFound under every precondition: RFC 9110 section 13.2.1 ignores preconditions if the response without them would
    // be neither 2xx nor 412.
    [Theory]
    [InlineData("Replaced")]
    [InlineData("Deleted")]
    public Task An_update_or_a_delete_goes_ahead_only_if_its_precondition_holds(string done) => AssertOutcomesAsync(
        (id, precondition) => done == "Deleted"
            ? Store.DeleteAsync(Id(id), precondition, Cancel)
            : Store.UpdateAsync(Id(id), body => body with { Name = "New" }, precondition, Cancel),
        $"""
        If-Match  If-None-Match  there               not there
        -         -              {done,-20}NotFound
        -         *              PreconditionFailed  NotFound
        -         old            {done,-20}NotFound
        -         now            PreconditionFailed  NotFound
        -         old,now        PreconditionFailed  NotFound
        *         -              {done,-20}NotFound
        *         *              PreconditionFailed  NotFound
        *         old            {done,-20}NotFound
        *         now            PreconditionFailed  NotFound
        *         old,now        PreconditionFailed  NotFound
        old       -              PreconditionFailed  NotFound
        old       *              PreconditionFailed  NotFound
        old       old            PreconditionFailed  NotFound
        old       now            PreconditionFailed  NotFound
        old       old,now        PreconditionFailed  NotFound
        now       -              {done,-20}NotFound
        now       *              PreconditionFailed  NotFound
        now       old            {done,-20}NotFound
        now       now            PreconditionFailed  NotFound
        now       old,now        PreconditionFailed  NotFound
        old,now   -              {done,-20}NotFound
        old,now   *              PreconditionFailed  NotFound
        old,now   old            {done,-20}NotFound
        old,now   now            PreconditionFailed  NotFound
        old,now   old,now        PreconditionFailed  NotFound
        """);

    [Fact]
    public async Task No_version_ever_comes_again()
    {
        var versions = new List<string>();
        for (var life = 0; life < 10; life++)
        {
            versions.Add((await PutAsync("ana", new("Ana"))).User!.Version);
            versions.Add((await PutAsync("ana", new("Bea"))).User!.Version);
            await DeleteAsync("ana");
        }

        versions.Add((await PutAsync("bea", new("Ana"))).User!.Version);
        Assert.Equal(versions.Count, versions.Distinct().Count());
        Assert.All(versions, version => Assert.All(version, c => Assert.True(char.IsAsciiLetterOrDigit(c))));
    }

    [Fact]
    public async Task Users_are_listed_by_the_code_points_of_their_ids()
    {
        // By UTF-16 code units, U+10400 would come before U+FF5A; by culture, "a" and "A" would be neighbours.
        string[] inOrder = ["-", "0", "10", "2", "A", "Z", "a", "a-b", "ab", "b", "~", "é", "ı", "ſ", "あ", "ꙮ", "ｚ", "𐐀", "𝟘"];
        foreach (var id in inOrder.OrderBy(id => id.GetHashCode()))
        {
            await PutAsync(id, new("x"));
        }

        Assert.Equal(inOrder, await IdsAsync(null, 100));
        Assert.Equal(inOrder, inOrder.OrderBy(Encoding.UTF8.GetBytes, Comparer<byte[]>.Create((x, y) => x.AsSpan().SequenceCompareTo(y))));
        for (var i = 0; i < inOrder.Length; i++)
        {
            Assert.Equal(inOrder.Skip(i + 1).Take(2), await IdsAsync(inOrder[i], 2));
        }
    }

    [Theory]
    [InlineData(null, 1, "b")]
    [InlineData(null, 3, "b d f")]
    [InlineData(null, 4, "b d f")]
    [InlineData("a", 2, "b d")]
    [InlineData("b", 2, "d f")]
    [InlineData("c", 2, "d f")]
    [InlineData("c", 1, "d")]
    [InlineData("d", 201, "f")]
    [InlineData("f", 2, "")]
    [InlineData("𐐀", 2, "")]
    public async Task A_list_goes_on_after_an_id_whether_or_not_a_user_has_it(string? after, int limit, string expected)
    {
        foreach (var id in (string[])["f", "b", "d"])
        {
            await PutAsync(id, new("x"));
        }

        Assert.Equal(expected, string.Join(' ', await IdsAsync(after, limit)));
    }

    [Fact]
    public async Task Users_that_come_and_go_make_no_other_repeat_or_vanish_from_a_walk()
    {
        var staying = Enumerable.Range(0, 60).Select(i => $"u{i:00}").ToArray();
        await Task.WhenAll(staying.Select(id => PutAsync(id, new("x"))));

        using var walked = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var comingAndGoing = Task.Run(
            async () =>
            {
                for (var i = 0; !walked.IsCancellationRequested; i = (i + 7) % 60)
                {
                    await PutAsync($"u{i:00}x", new("x"));
                    await DeleteAsync($"u{(i + 30) % 60:00}x");
                }
            },
            Cancel);
        for (var walk = 0; walk < 5; walk++)
        {
            var seen = new List<string>();
            for (string? after = null; await IdsAsync(after, 7) is [.., var last] page; after = last)
            {
                seen.AddRange(page);
            }

            Assert.Equal(staying, seen.Where(id => !id.EndsWith('x')));
            Assert.Equal(seen.Distinct(), seen);
        }

        await walked.CancelAsync();
        await comingAndGoing;
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_many_first_puts_at_once_one_creates_and_all_others_replace(bool returnUser)
    {
        var results = await RaceAsync((store, i) => store.PutAsync(Id("ana"), new($"Ana {i}"), default, returnUser, Cancel));

        Assert.Single(results, result => result.Outcome == WriteOutcome.Created);
        Assert.Equal(Racers - 1, results.Count(result => result.Outcome == WriteOutcome.Replaced));
        var left = await FindAsync("ana");
        var last = Assert.Single(results, result => result.Version == left!.Version);
        Assert.Equal($"Ana {results.IndexOf(last)}", left!.Name);
        if (returnUser)
        {
            AssertSame(last.User!, left);
        }
    }

    [Fact]
    public async Task Of_many_puts_at_once_that_ask_for_no_user_one_creates_and_all_others_fail()
    {
        var results = await RaceAsync((store, i) => store.PutAsync(Id("ana"), new($"Ana {i}"), new(null, EntityTagSet.Any), Cancel));

        AssertSame(Assert.Single(results, result => result.Outcome == WriteOutcome.Created).User!, await FindAsync("ana"));
        Assert.Equal(Racers - 1, results.Count(result => result.Outcome == WriteOutcome.PreconditionFailed));
    }

    [Fact]
    public async Task Of_many_writers_at_once_with_the_same_version_exactly_one_wins()
    {
        var start = (await PutAsync("ana", new("Ana"))).User!;
        var precondition = Precondition.Matches(start.Version);

        var results = await RaceAsync((store, i) => i % 10 == 0
            ? store.DeleteAsync(Id("ana"), precondition, Cancel)
            : store.PutAsync(Id("ana"), new($"Ana {i}"), precondition, Cancel));

        var winner = Assert.Single(results, result => result.Outcome is WriteOutcome.Replaced or WriteOutcome.Deleted);
        var left = await FindAsync("ana");
        Assert.Equal(winner.User?.Version, left?.Version);
    }

    [Fact]
    public async Task Of_many_updates_at_once_none_is_lost()
    {
        await PutAsync("ana", new("0"));

        var results = await RaceAsync((store, _) =>
            store.UpdateAsync(Id("ana"), body => new($"{int.Parse(body.Name, CultureInfo.InvariantCulture) + 1}"), default, Cancel));

        Assert.All(results, result => Assert.Equal(WriteOutcome.Replaced, result.Outcome));
        Assert.Equal($"{Racers}", (await FindAsync("ana"))!.Name);
    }

    [Fact]
    public async Task Many_users_put_and_found_at_once_are_each_what_was_put()
    {
        var puts = await RaceAsync((store, i) => store.PutAsync(Id($"u{i}"), new($"User {i}"), default, returnUser: false, Cancel));
        Assert.All(puts, put => Assert.Equal(WriteOutcome.Created, put.Outcome));

        // Look for each user twice, and for half as many users that do not exist.
        var found = await Task.WhenAll(Enumerable.Range(0, 3 * Racers).Select(i => FindAsync($"u{i / 2}")));

        for (var i = 0; i < found.Length; i++)
        {
            Assert.Equal(i / 2 < Racers ? $"User {i / 2}" : null, found[i]?.Name);
            Assert.Equal(i / 2 < Racers ? puts[i / 2].Version : null, found[i]?.Version);
        }
    }

    [Fact]
    public async Task Of_many_deletes_at_once_exactly_one_deletes()
    {
        await PutAsync("ana", new("Ana"));

        var results = await RaceAsync((store, _) => store.DeleteAsync(Id("ana"), default, Cancel));

        Assert.Single(results, result => result.Outcome == WriteOutcome.Deleted);
        Assert.Equal(Racers - 1, results.Count(result => result.Outcome == WriteOutcome.NotFound));
    }

    [Fact]
    public async Task Puts_and_deletes_at_once_add_up_to_what_is_left()
    {
        var results = await RaceAsync((store, i) => i % 2 == 0
            ? store.PutAsync(Id("ana"), new("Ana"), default, returnUser: i % 4 == 0, Cancel)
            : store.DeleteAsync(Id("ana"), default, Cancel));

        var left = results.Count(result => result.Outcome == WriteOutcome.Created) - results.Count(result => result.Outcome == WriteOutcome.Deleted);
        Assert.Equal(await FindAsync("ana") is null ? 0 : 1, left);
    }

    [Fact]
    public async Task A_counter_kept_by_compare_and_swap_loses_no_step_and_never_goes_back()
    {
        const int Writers = 8, Steps = 10;
        IUserStore[] stores = [Store, Open()];
        await PutAsync("counter", new("0"));

        using var done = new CancellationTokenSource();
        var observing = Task.Run(async () =>
        {
            var last = 0;
            while (!done.IsCancellationRequested)
            {
                var now = Count(await FindAsync("counter"));
                Assert.True(now >= last, $"The counter went from {last} to {now}.");
                last = now;
            }
        }, Cancel);
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(i => Task.Run(() => CountAsync(stores[i % 2]), Cancel)));
        await done.CancelAsync();
        await observing;

        Assert.Equal(Writers * Steps, Count(await FindAsync("counter")));

        async Task CountAsync(IUserStore store)
        {
            for (var step = 0; step < Steps;)
            {
                var user = await store.FindAsync(Id("counter"), Cancel);
                var next = new UserInput($"{Count(user) + 1}");
                var result = await store.PutAsync(Id("counter"), next, Precondition.Matches(user!.Version), Cancel);
                step += result.Outcome == WriteOutcome.Replaced ? 1 : 0;
            }
        }

        static int Count(User? user) => int.Parse(user!.Name, CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task What_one_process_wrote_another_reads()
    {
        var written = (await PutAsync("ana", new("Ana"))).User!;
        var other = Open();

        AssertSame(written, await other.FindAsync(Id("ana"), Cancel));
        await other.DeleteAsync(Id("ana"), Precondition.Matches(written.Version), Cancel);
        Assert.Null(await FindAsync("ana"));
    }

    [Fact]
    public async Task A_ping_is_answered() => await Store.PingAsync(Cancel);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_cancelled_write_ends_as_cancelled_and_writes_nothing(bool returnUser)
    {
        var cancelled = new CancellationToken(canceled: true);
        await PutAsync("ana", new("Ana"));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.PutAsync(Id("bea"), new("Bea"), default, returnUser, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.UpdateAsync(Id("ana"), _ => new("Bea"), default, cancelled));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store.DeleteAsync(Id("ana"), default, cancelled));

        await Store.PutAsync(Id("eva"), new("Eva"), default, returnUser, Cancel); // behind the cancelled writes if the store has a queue
        Assert.Equal(["Ana", "Eva"], (await Store.ListAsync(null, 10, Cancel)).Items.Select(user => user.Name));
    }

    /// <summary>Bodies of which each differs from the one before it in one respect.</summary>
    private static UserInput[] SampleBodies() =>
    [
        new("Bea"),
        new("bea"),
        new("bea", "bea@example.org"),
        new("bea", "bea@Example.org"),
        new("bea", null, new Dictionary<string, string> { ["a.b"] = "1", ["b"] = "" }),
        new("bea", null, new Dictionary<string, string> { ["b"] = "", ["a.b"] = "1" }),
        new("bea", null, new Dictionary<string, string> { ["b"] = "", ["a.b"] = "2" }),
        new("bea", "bea@example.org", new Dictionary<string, string> { ["b"] = "", ["a.b"] = "2\t" }),
        new("é", "bea@example.org", new Dictionary<string, string> { ["a.b"] = "2\t" }),
        new("e\u0301", "bea@example.org", new Dictionary<string, string> { ["a.b"] = "2\t" }),
    ];

    private static UserInput Copy(UserInput body) => body with { Attributes = body.Attributes is null ? null : new Dictionary<string, string>(body.Attributes) };

    private static UserId Id(string text) => UserId.TryParse(text, out var id, out var error) ? id : throw new ArgumentException($"{text}: {error}");

    private static void AssertSame(User expected, User? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected with { Attributes = null }, actual with { Attributes = null });
        Assert.Equal(expected.Attributes, actual.Attributes);
    }

    /// <summary>Opens another store on the same database, as another process would.</summary>
    private IUserStore Open(params ReadOnlySpan<(string Key, string Value)> settings)
    {
        // A long timeout, because the contract does not test how long operations take.
        var host = new StoreHost(_clock, [.. _settings, ("Store:Timeout", "00:00:20"), .. settings]);
        _hosts.Add(host);
        return host.Store;
    }

    private Task<User?> FindAsync(string id) => Store.FindAsync(Id(id), Cancel).AsTask();

    private Task<WriteResult> PutAsync(string id, UserInput body) => Store.PutAsync(Id(id), body, default, Cancel).AsTask();

    private Task<WriteResult> DeleteAsync(string id) => Store.DeleteAsync(Id(id), default, Cancel).AsTask();

    private async Task<string[]> IdsAsync(string? after, int limit) =>
        [.. (await Store.ListAsync(after is null ? null : Id(after), limit, Cancel)).Items.Select(user => user.Id)];

    /// <summary>Makes 100 callers of two stores write at the same moment.</summary>
    private async Task<WriteResult[]> RaceAsync(Func<IUserStore, int, ValueTask<WriteResult>> write)
    {
        IUserStore[] stores = [Store, Open()];
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var racers = Enumerable.Range(0, Racers).Select(async i =>
        {
            await start.Task;
            return await write(stores[i % 2], i);
        }).ToArray();
        start.SetResult();
        return await Task.WhenAll(racers);
    }

    private async Task AssertOutcomesAsync(Func<string, Precondition, ValueTask<WriteResult>> write, string expected)
    {
        string[] asks = ["-", "*", "old", "now", "old,now"];
        var actual = new List<string> { "If-Match  If-None-Match  there               not there" };
        var i = 0;
        foreach (var ifMatch in asks)
        {
            foreach (var ifNoneMatch in asks)
            {
                var there = await TryAsync($"there{i}", ifMatch, ifNoneMatch, isThere: true);
                var notThere = await TryAsync($"not{i++}", ifMatch, ifNoneMatch, isThere: false);
                actual.Add($"{ifMatch,-10}{ifNoneMatch,-15}{there,-20}{notThere}");
            }
        }

        Assert.Equal(expected.Split('\n'), actual);

        async Task<WriteOutcome> TryAsync(string id, string ifMatch, string ifNoneMatch, bool isThere)
        {
            var versions = new Dictionary<string, string>
            {
                ["old"] = (await PutAsync(id, new("Old"))).User!.Version,
                ["now"] = (await PutAsync(id, new("Now"))).User!.Version,
            };
            if (!isThere)
            {
                await DeleteAsync(id);
            }

            var before = await FindAsync(id);
            var result = await write(id, new(Read(ifMatch), Read(ifNoneMatch)));
            var after = await FindAsync(id);
            if (result.Outcome is WriteOutcome.Created or WriteOutcome.Replaced)
            {
                Assert.Equal(result.Version, after!.Version);
                Assert.Equal("New", after.Name);
                AssertSame(result.User ?? after, after);
            }
            else
            {
                Assert.Null(result.User);
                Assert.Equal(result.Outcome == WriteOutcome.Deleted ? null : before, after);
            }

            return result.Outcome;

            EntityTagSet? Read(string ask) => ask switch
            {
                "-" => null,
                "*" => EntityTagSet.Any,
                _ => new([.. ask.Split(',').Select(name => versions[name])]),
            };
        }
    }
}
