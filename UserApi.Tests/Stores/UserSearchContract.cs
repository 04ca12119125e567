using System.Text;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>How every store finds users.</summary>
public abstract partial class UserStoreContract
{
    private static readonly IComparer<string> s_byCodePoints =
        Comparer<string>.Create((x, y) => Encoding.UTF8.GetBytes(x).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y)));

    private static readonly UserOrder[] s_orders = Enum.GetValues<UserOrder>();

    [Fact]
    public async Task Every_combination_of_conditions_finds_in_every_order_what_a_look_at_all_users_finds()
    {
        var users = await PutManyAsync(90);
        var since = users.Values.Select(user => user.UpdatedAt).Order().ElementAt(45);
        KeyValuePair<string, string>[] teams = [new("team", "blue")], both = [.. teams, new("no", "1")], none = [new("team", "Blue")];

        foreach (var email in (string?[])[null, "Shared@Example.ORG", "nobody@example.org"])
        {
            foreach (var name in (string?[])[null, "AN", "zoë", "x"])
            {
                foreach (var attributes in (KeyValuePair<string, string>[][])[[], teams, both, none])
                {
                    foreach (var updatedSince in (DateTime?[])[null, since])
                    {
                        var query = new UserQuery { Email = email, Name = name, Attributes = attributes, UpdatedSince = updatedSince };
                        await AssertFindsAsync(query, users.Values);
                    }
                }
            }
        }
    }

    [Theory]
    [InlineData("a", "A")]
    [InlineData("straße", "STRAẞE")]
    [InlineData("ΣΊΣΥΦΟΣ", "σίσυφος")]
    [InlineData("σς", "ΣΣ")]
    [InlineData("\u212A", "k")]
    [InlineData("ſ", "S")]
    [InlineData("Ꭰ", "ꭰ")]
    [InlineData("𐐀", "𐐨")]
    [InlineData("Ǆ", "ǅ")]
    [InlineData("Ⴀ", "ⴀ")]
    [InlineData("µ", "Μ")]
    public async Task Case_is_ignored_in_every_script(string name, string sameName)
    {
        await PutAsync("ana", new($"{name}!", $"{name}@example.org"));

        foreach (var form in (string[])[name, sameName])
        {
            Assert.Equal(["ana"], await FindIdsAsync(new() { Name = form }));
            Assert.Equal(["ana"], await FindIdsAsync(new() { Email = $"{form}@EXAMPLE.org" }));
        }
    }

    // Each is the same in some culture, by full case folding, by normalization, or to the eye.
    [Theory]
    [InlineData("I", "ı")]
    [InlineData("i", "İ")]
    [InlineData("ß", "ss")]
    [InlineData("é", "e\u0301")]
    [InlineData("a", "а")]
    [InlineData("ﬁ", "fi")]
    public async Task Nothing_but_case_is_ignored(string name, string otherName)
    {
        await PutAsync("ana", new(name, $"{name}@example.org"));

        Assert.Empty(await FindIdsAsync(new() { Name = otherName }));
        Assert.Empty(await FindIdsAsync(new() { Email = $"{otherName}@example.org" }));
    }

    [Fact]
    public async Task A_name_is_found_by_its_beginning_up_to_the_last_code_point_there_is()
    {
        string[] names = ["a", "a\uFFFD", "a\U0010FFFD", "ab", "a ", "b", "\U0010FFFD", "\U0010FFFDa", new('z', UserInput.MaxNameLength), "%", "a%", "a_", ".*"];
        foreach (var (i, name) in names.Index())
        {
            await PutAsync($"u{i:00}", new(name));
        }

        foreach (var beginning in names)
        {
            Assert.Equal(
                names.Index().Where(each => each.Item.StartsWith(beginning, StringComparison.Ordinal)).Select(each => $"u{each.Index:00}"),
                await FindIdsAsync(new() { Name = beginning }));
        }
    }

    [Fact]
    public async Task An_attribute_is_found_exactly_whatever_it_is()
    {
        (string Key, string Value)[] attributes =
        [
            ("a", "b"), ("a", "B"), ("a.b", "c"), ("a", "b=c"), ("A", "b"), (".", "$ne"), ("_id", "1"), ("long", string.Concat(Enumerable.Repeat("𐐀", 1024))),
            ("long", string.Concat(Enumerable.Repeat("𐐀", 1023))), ("line", "a\nb"), ("zero", "\0"),
        ];
        foreach (var (i, (key, value)) in attributes.Index())
        {
            await PutAsync($"u{i:00}", new("x", null, new Dictionary<string, string> { [key] = value, ["other"] = "x" }));
        }

        foreach (var (i, (key, value)) in attributes.Index())
        {
            Assert.Equal([$"u{i:00}"], await FindIdsAsync(new() { Attributes = [new(key, value)] }));
            Assert.Equal([$"u{i:00}"], await FindIdsAsync(new() { Attributes = [new("other", "x"), new(key, value)] }));
        }
    }

    [Fact]
    public async Task A_user_is_found_by_what_it_is_and_not_by_what_it_was()
    {
        var query = new UserQuery { Email = "ana@example.org", Name = "ana", Attributes = [new("team", "blue")] };
        var ana = new UserInput("Ana", "Ana@example.org", new Dictionary<string, string> { ["team"] = "blue" });

        await Store.PutAsync(Id("ana"), ana, default, returnUser: false, Cancel);
        Assert.Equal(["ana"], await FindIdsAsync(query));
        await PutAsync("ana", ana with { Email = null });
        Assert.Empty(await FindIdsAsync(query));
        await Store.UpdateAsync(Id("ana"), body => body with { Email = "ANA@example.org" }, default, Cancel);
        Assert.Equal(["ana"], await FindIdsAsync(query));
        await Store.PutAsync(Id("ana"), ana with { Attributes = null }, default, returnUser: false, Cancel);
        Assert.Empty(await FindIdsAsync(query));
        await PutAsync("ana", ana, Precondition.Matches((await FindAsync("ana"))!.Version));
        Assert.Equal(["ana"], await FindIdsAsync(query));
        await Store.UpdateAsync(Id("ana"), body => body with { Name = "Bea" }, default, Cancel);
        Assert.Empty(await FindIdsAsync(query));
        await PutAsync("bea", ana, Precondition.IsNew);
        Assert.Equal(["bea"], await FindIdsAsync(query));
        await DeleteAsync("bea");
        Assert.Empty(await FindIdsAsync(query));
    }

    [Fact]
    public async Task Updated_since_is_from_that_millisecond_on()
    {
        var start = _clock.Now.UtcDateTime;
        foreach (var id in (string[])["c", "b", "a"])
        {
            await PutAsync(id, new("x"));
            _clock.Now += TimeSpan.FromMilliseconds(1);
        }

        await PutAsync("c", new("y"));

        var query = new UserQuery { Order = UserOrder.UpdatedAt, UpdatedSince = start.AddMilliseconds(2) };
        Assert.Equal(["a", "c"], await FindIdsAsync(query));
        Assert.Equal(["c", "a"], await FindIdsAsync(query with { IsDescending = true }));
        Assert.Equal(["b", "a", "c"], await FindIdsAsync(query with { UpdatedSince = start }));
        Assert.Equal(["c", "b", "a"], await FindIdsAsync(query with { Order = UserOrder.CreatedAt, UpdatedSince = DateTime.MinValue }));
        Assert.Empty(await FindIdsAsync(query with { UpdatedSince = DateTime.MaxValue }));
    }

    [Fact]
    public async Task A_page_goes_on_behind_a_position_whether_or_not_a_user_has_it()
    {
        foreach (var (id, name) in ((string, string)[])[("e", "b"), ("c", "B"), ("a", "d"), ("b", "D"), ("last", "f")])
        {
            await PutAsync(id, new(name));
        }

        var byName = new UserQuery { Order = UserOrder.Name };
        foreach (var (position, ahead) in ((UserPosition, string)[])
        [
            (new("c", "b"), "e a b last"), (new("d", "b"), "e a b last"), (new("e", "b"), "a b last"), (new("z", "c"), "a b last"), (new("a", "d"), "b last"), (new("z", "f"), ""),
        ])
        {
            await AssertPageAsync(byName with { After = position }, ahead);
        }

        await AssertPageAsync(byName with { IsDescending = true, After = new("b", "d") }, "a e c");
        await AssertPageAsync(byName with { IsDescending = true, After = new("d", "b") }, "c");
        await AssertPageAsync(new() { IsDescending = true, After = new("bb") }, "b a");

        async Task AssertPageAsync(UserQuery query, string expected) =>
            Assert.Equal(expected, string.Join(' ', (await Store.ListAsync(query, Cancel)).Items.Select(user => user.Id)));
    }

    [Fact]
    public async Task Users_that_come_go_and_change_make_no_other_repeat_or_vanish_from_any_order()
    {
        var staying = (await PutManyAsync(60)).Values.ToList();
        foreach (var order in s_orders)
        {
            using var walked = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
            var writing = Task.Run(
                async () =>
                {
                    for (var i = 0; !walked.IsCancellationRequested; i = (i + 7) % 60)
                    {
                        await PutAsync($"u{i:000}x", Body(i + 1));
                        await Store.PutAsync(Id($"u{(i + 20) % 60:000}x"), Body(i), default, returnUser: false, Cancel);
                        await DeleteAsync($"u{(i + 30) % 60:000}x");
                    }
                },
                Cancel);
            foreach (var query in (UserQuery[])[new() { Order = order }, new() { Order = order, Attributes = [new("team", "blue")] }, new() { Order = order, Name = "a" }])
            {
                foreach (var isDescending in (bool[])[false, true])
                {
                    var asked = query with { IsDescending = isDescending, Limit = 7 };
                    var seen = (await WalkAsync(asked)).Where(user => !user.Id.EndsWith('x')).Select(user => user.Id);
                    Assert.Equal(Expected(asked, staying), seen);
                }
            }

            await walked.CancelAsync();
            await writing;
        }
    }

    [Fact]
    public async Task A_rare_combination_is_found_on_pages_that_are_short_and_lead_on()
    {
        const int Count = 2500;
        await PutAllAsync(Count, i => new(
            i % 2 == 0 ? "Even" : "Odd", null, new Dictionary<string, string> { ["half"] = i < Count / 2 ? "1" : "2", ["all"] = "x" }));
        await PutAsync("u01777", new("Even", "one@example.org", new Dictionary<string, string> { ["half"] = "1", ["all"] = "x" }));

        foreach (var order in s_orders)
        {
            // Each condition alone leaves more users than are looked at for a page.
            var query = new UserQuery { Order = order, Name = "even", Attributes = [new("half", "1"), new("all", "x")] };
            var (users, pages) = await WalkPagesAsync(query with { Limit = 200 });
            Assert.Equal((Count / 4) + 1, users.Count);
            Assert.Contains(users, user => user.Id == "u01777");
            Assert.InRange(pages, 4, 20);

            (users, pages) = await WalkPagesAsync(query with { Email = "ONE@example.org" });
            Assert.Equal("u01777", Assert.Single(users).Id);
            Assert.InRange(pages, 1, 2);

            (users, pages) = await WalkPagesAsync(query with { Name = "nobody" });
            Assert.Empty(users);
            Assert.InRange(pages, 1, 4);
        }
    }

    [Fact]
    public async Task A_page_in_any_order_is_bounded_in_bytes_and_leads_on()
    {
        var attributes = Enumerable.Range(0, 30).ToDictionary(i => $"k{i}", _ => new string('v', 1000));
        string[] ids = [.. Enumerable.Range(0, 40).Select(i => $"u{i:00}")];
        await Task.WhenAll(ids.Select(id => PutAsync(id, new("x", "x@example.org", attributes))));

        foreach (var query in (UserQuery[])[new() { Order = UserOrder.Name }, new() { Email = "x@example.org" }, new() { Name = "x" }, new() { IsDescending = true }])
        {
            var next = query with { Limit = 200 };
            var seen = new List<string>();
            do
            {
                var page = await Store.ListAsync(next, Cancel);
                Assert.NotEmpty(page.Items);
                Assert.InRange(page.Items.Sum(user => user.TextLength), 1, UserPage.MaxBytes + page.Items[0].TextLength);
                seen.AddRange(page.Items.Select(user => user.Id));
                next = page.Next is { } text ? next with { After = Position(text, query.Order) } : null;
            }
            while (next is not null);

            Assert.Equal(query.IsDescending ? ids.Reverse() : ids, seen);
        }
    }

    [Fact]
    public async Task Users_are_counted_on_all_pages_and_by_all_conditions()
    {
        var users = await PutManyAsync(90);
        foreach (var query in (UserQuery[])
        [
            new(), new() { Order = UserOrder.Name, IsDescending = true }, new() { Email = "shared@example.org" }, new() { Name = "an" },
            new() { Name = "an", Attributes = [new("team", "blue")], UpdatedSince = users["u045"].UpdatedAt }, new() { Name = "nobody" },
        ])
        {
            var page = await Store.ListAsync(query with { Count = true, Limit = 5 }, Cancel);
            Assert.Equal((Expected(query, users.Values).Count, null), (page.Total!.Value, page.TotalIsLowerBound));
            if (page.Next is { } next)
            {
                Assert.Equal(page.Total, (await Store.ListAsync(query with { Count = true, After = Position(next, query.Order) }, Cancel)).Total);
            }

            Assert.Null((await Store.ListAsync(query, Cancel)).Total);
        }
    }

    [Fact]
    public async Task Users_are_counted_up_to_ten_thousand()
    {
        var body = new UserInput("Ana", "ana@example.org", new Dictionary<string, string> { ["team"] = "blue" });
        await PutAllAsync(UserQuery.MaxTotal, _ => body);
        UserQuery[] queries = [new() { Count = true }, new() { Count = true, Email = "ana@example.org" }, new() { Count = true, Attributes = [new("team", "blue")], Order = UserOrder.CreatedAt }];

        foreach (var query in queries)
        {
            var page = await Store.ListAsync(query, Cancel);
            Assert.Equal((UserQuery.MaxTotal, null), (page.Total!.Value, page.TotalIsLowerBound));
        }

        await PutAsync("one-more", body);
        foreach (var query in queries)
        {
            var page = await Store.ListAsync(query, Cancel);
            Assert.Equal((UserQuery.MaxTotal, true), (page.Total!.Value, page.TotalIsLowerBound));
        }
    }

    [Fact]
    public async Task Without_the_setting_many_users_can_have_one_address()
    {
        await PutAsync("ana", new("Ana", "a@example.org"));
        await PutAsync("bea", new("Bea", "A@example.org"));

        Assert.Equal(["ana", "bea"], await FindIdsAsync(new() { Email = "a@EXAMPLE.org" }));
    }

    [Theory]
    [InlineData("put")]
    [InlineData("batched put")]
    [InlineData("post")]
    [InlineData("update")]
    [InlineData("all of them")]
    public async Task Of_many_users_that_take_one_address_at_once_exactly_one_gets_it(string how)
    {
        IUserStore[] stores = [await OpenUniqueAsync(), await OpenUniqueAsync()];
        string[] kinds = how == "all of them" ? ["put", "batched put", "post", "update"] : [how];
        await Task.WhenAll(Enumerable.Range(0, Racers).Select(i => stores[0].PutAsync(Id($"u{i}"), new($"{i}", $"{i}@example.org"), default, Cancel).AsTask()));

        var results = await Task.WhenAll(Enumerable.Range(0, Racers).Select(async i =>
        {
            await Task.Yield();
            var (store, id, body) = (stores[i % 2], Id($"u{i}"), new UserInput($"{i}", i % 3 == 0 ? "ANA@example.org" : "ana@example.org"));
            return await (kinds[i % kinds.Length] switch
            {
                "put" => store.PutAsync(id, body, default, returnUser: true, Cancel),
                "batched put" => store.PutAsync(id, body, default, returnUser: false, Cancel),
                "post" => store.PutAsync(Id($"new{i}"), body, Precondition.IsNew, returnUser: i % 2 == 0, Cancel),
                _ => store.UpdateAsync(id, _ => body, default, Cancel),
            });
        }));

        Assert.Single(results, result => result.Outcome is WriteOutcome.Created or WriteOutcome.Replaced);
        Assert.Equal(Racers - 1, results.Count(result => result is { Outcome: WriteOutcome.Conflict, Field: "email" }));
        Assert.Single(await FindIdsAsync(new() { Email = "ana@example.org" }));
    }

    [Fact]
    public async Task A_unique_address_can_be_kept_given_up_and_taken_again()
    {
        var store = await OpenUniqueAsync();
        Assert.Equal(WriteOutcome.Created, (await store.PutAsync(Id("ana"), new("Ana", "a@example.org"), default, Cancel)).Outcome);
        Assert.Equal(WriteOutcome.Replaced, (await store.PutAsync(Id("ana"), new("Ana", "A@example.org"), default, Cancel)).Outcome);
        Assert.Equal(WriteOutcome.Created, (await store.PutAsync(Id("bea"), new("Bea"), default, Cancel)).Outcome);
        Assert.Equal(WriteOutcome.Created, (await store.PutAsync(Id("eva"), new("Eva"), default, Cancel)).Outcome);
        var refused = await store.PutAsync(Id("bea"), new("Bea", "a@EXAMPLE.org"), default, Cancel);
        Assert.Equal((WriteOutcome.Conflict, "email"), (refused.Outcome, refused.Field));
        Assert.Null((await store.FindAsync(Id("bea"), Cancel))!.Email);

        await store.UpdateAsync(Id("ana"), body => body with { Email = null }, default, Cancel);
        Assert.Equal(WriteOutcome.Replaced, (await store.PutAsync(Id("bea"), new("Bea", "a@example.org"), default, returnUser: false, Cancel)).Outcome);
        await store.DeleteAsync(Id("bea"), default, Cancel);
        Assert.Equal(WriteOutcome.Replaced, (await store.PutAsync(Id("eva"), new("Eva", "a@example.org"), default, returnUser: false, Cancel)).Outcome);
    }

    [Fact]
    public async Task Unique_addresses_are_refused_over_users_that_break_the_rule_until_they_do_not()
    {
        foreach (var (id, email) in (IEnumerable<(string, string?)>)[("a", "1@x.org"), ("b", "1@X.org"), ("c", "1@x.ORG"), ("d", "2@x.org"), ("e", "2@X.org"), ("f", "3@x.org"), ("g", null), ("h", null)])
        {
            await PutAsync(id, new("x", email));
        }

        var refusal = await Assert.ThrowsAsync<DuplicateEmailsException>(() => OpenUniqueAsync());
        Assert.Contains(" 2 e-mail addresses ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("x.org", refusal.Message, StringComparison.OrdinalIgnoreCase);
        await PutAsync("b", new("x", "4@x.org"));
        await PutAsync("c", new("x"));
        await DeleteAsync("e");

        var store = await OpenUniqueAsync();
        Assert.Equal(WriteOutcome.Conflict, (await store.PutAsync(Id("i"), new("x", "1@x.org"), default, Cancel)).Outcome);

        // And back.
        var other = Open();
        await other.MakeIndexesAsync(Cancel);
        Assert.Equal(WriteOutcome.Created, (await other.PutAsync(Id("i"), new("x", "1@x.org"), default, Cancel)).Outcome);
    }

    private static UserPosition Position(string text, UserOrder order) =>
        UserPosition.TryParse(text, order, out var position) ? position : throw new ArgumentException(text);

    private static UserInput Body(int i) => new(
        (i % 4) switch { 0 => "Ana", 1 => "ANDREA", 2 => "Zoë", _ => "zoË X" },
        (i % 5) switch { 0 => null, 1 => "SHARED@example.org", 2 => "shared@EXAMPLE.org", _ => $"u{i}@example.org" },
        (i % 3) switch { 0 => null, 1 => new Dictionary<string, string> { ["team"] = "blue" }, _ => new Dictionary<string, string> { ["team"] = "blue", ["no"] = $"{i % 2}" } });

    /// <summary>What a look at all users finds.</summary>
    private static List<string> Expected(UserQuery query, IEnumerable<User> users)
    {
        var found = users.Where(user =>
            (query.Email is null || string.Equals(query.Email, user.Email, StringComparison.OrdinalIgnoreCase))
            && (query.Name is null || user.Name.StartsWith(query.Name, StringComparison.OrdinalIgnoreCase))
            && (query.UpdatedSince is null || user.UpdatedAt >= query.UpdatedSince)
            && query.Attributes.All(entry => user.Attributes?.GetValueOrDefault(entry.Key) == entry.Value));
        var ordered = (query.Order switch
        {
            UserOrder.Name => found.OrderBy(user => user.Name.ToLowerInvariant(), s_byCodePoints),
            UserOrder.CreatedAt => found.OrderBy(user => user.CreatedAt),
            UserOrder.UpdatedAt => found.OrderBy(user => user.UpdatedAt),
            _ => found.OrderBy(_ => 0),
        }).ThenBy(user => user.Id, s_byCodePoints).Select(user => user.Id).ToList();
        if (query.IsDescending)
        {
            ordered.Reverse();
        }

        return ordered;
    }

    /// <summary>Puts users whose times of creation and of change have orders of their own, and repeat.</summary>
    private async Task<Dictionary<string, User>> PutManyAsync(int count)
    {
        var users = new Dictionary<string, User>();
        foreach (var round in (int[])[0, 1])
        {
            for (var i = 0; i < count; i++)
            {
                _clock.Now += TimeSpan.FromMilliseconds(i % 3 == 0 ? 1 : 0);
                var number = ((i * 37) + (round * 11)) % count;
                if (round == 0 || number % 2 == 0)
                {
                    users[$"u{number:000}"] = (await PutAsync($"u{number:000}", Body(number))).User!;
                }
            }
        }

        return users;
    }

    private Task PutAllAsync(int count, Func<int, UserInput> body) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = 32, CancellationToken = Cancel },
        async (i, cancel) => await Store.PutAsync(Id($"u{i:00000}"), body(i), default, returnUser: false, cancel));

    private async Task AssertFindsAsync(UserQuery query, IReadOnlyCollection<User> users)
    {
        foreach (var order in s_orders)
        {
            foreach (var isDescending in (bool[])[false, true])
            {
                foreach (var limit in (int[])[7, 200])
                {
                    var asked = query with { Order = order, IsDescending = isDescending, Limit = limit };
                    var expected = Expected(asked, users);
                    var found = (await WalkAsync(asked)).Select(user => user.Id).ToList();
                    Assert.True(expected.SequenceEqual(found), $"{asked}: {string.Join(' ', found)} instead of {string.Join(' ', expected)}");
                }
            }
        }
    }

    private async Task<List<string>> FindIdsAsync(UserQuery query) => [.. (await WalkAsync(query)).Select(user => user.Id)];

    private async Task<List<User>> WalkAsync(UserQuery query) => (await WalkPagesAsync(query)).Users;

    private async Task<(List<User> Users, int Pages)> WalkPagesAsync(UserQuery query)
    {
        var users = new List<User>();
        for (var pages = 1; ; pages++)
        {
            var page = await Store.ListAsync(query, Cancel);
            Assert.InRange(page.Items.Count, 0, query.Limit);
            users.AddRange(page.Items);
            if (page.Next is null)
            {
                return (users, pages);
            }

            query = query with { After = Position(page.Next, query.Order) };
        }
    }

    private Task<WriteResult> PutAsync(string id, UserInput body, Precondition precondition) => Store.PutAsync(Id(id), body, precondition, Cancel).AsTask();

    private async Task<IUserStore> OpenUniqueAsync()
    {
        var store = Open(("Users:UniqueEmails", "true"));
        await store.MakeIndexesAsync(Cancel);
        return store;
    }
}
