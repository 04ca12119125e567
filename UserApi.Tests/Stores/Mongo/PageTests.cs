using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>Pages are limited in bytes, and so is what is read for them.</summary>
public sealed class PageTests : MongoStoreTest
{
    // The largest attributes that a client can write: 33 KB of ASCII.
    private static readonly BsonDocument s_attributes = new(Enumerable.Range(0, 32).Select(i => new BsonElement($"a{i}", new string('<', 1024))));

    [Theory]
    [InlineData(50, 50, 1)]
    [InlineData(200, 49, 1)]
    [InlineData(200, 200, 3)]
    [InlineData(1, 3, 1)]
    public async Task A_page_of_ordinary_users_is_read_at_once(int limit, int users, int mostCommands)
    {
        Server.Seed("users", "users", Enumerable.Range(0, users).Select(i => Document($"u{i:000}")));
        var store = Store();

        var page = await store.ListAsync(null, limit, Cancel);

        Assert.Equal(Math.Min(limit, users), page.Items.Count);
        Assert.InRange(Commands("find").Count(), 1, mostCommands);
        Assert.Empty(Commands("getMore", "killCursors"));
        await store.ListAsync(null, limit, Cancel);
        Assert.InRange(Commands("find").Count(), 2, mostCommands + 1); // the store knows the size of users by now
    }

    [Fact]
    public async Task Every_great_user_is_on_a_page_and_few_are_read_in_vain()
    {
        Server.Seed("users", "users", Enumerable.Range(0, 201).Select(Great));
        var store = Store();

        var seen = new List<string>();
        var pages = 0;
        for (UserId? after = null; ;)
        {
            var page = await store.ListAsync(after, 200, Cancel);
            seen.AddRange(page.Items.Select(user => user.Id));
            pages++;
            Assert.InRange(page.Items.Skip(1).Sum(user => user.TextLength), 0, UserPage.MaxBytes);
            Assert.InRange(page.Items.Sum(user => user.TextLength), page.Next is null ? 1 : UserPage.MaxBytes - 40_000, UserPage.MaxBytes + 40_000);
            if (page.Next is null)
            {
                break;
            }

            after = Id(page.Next);
        }

        Assert.Equal(Enumerable.Range(0, 201).Select(i => $"u{i:000}"), seen);
        var read = Commands("find").Sum(command => command["limit"].ToInt32());
        Assert.InRange(read, 201, 201 + 51 + (3 * pages)); // 50 at first, then about as many as fit on a page
    }

    [Fact]
    public async Task A_user_that_alone_is_too_great_for_a_page_is_on_one()
    {
        var huge = Great(1).Set("name", new string('x', UserPage.MaxBytes));
        Server.Seed("users", "users", [Great(0), huge, Great(2)]);
        var store = Store();

        var first = await store.ListAsync(null, 200, Cancel);
        var second = await store.ListAsync(Id(first.Next!), 200, Cancel);

        Assert.Equal(["u000"], first.Items.Select(user => user.Id));
        Assert.Equal(["u001", "u002"], second.Items.Select(user => user.Id));
        Assert.Null(second.Next);
    }

    [Fact]
    public async Task Many_readers_of_great_users_need_little_memory_at_once()
    {
        Server.Seed("users", "users", Enumerable.Range(0, 201).Select(Great));
        var store = Store("", ("Store:Timeout", "00:00:30"));
        await store.ListAsync(null, 1, Cancel);

        var pages = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => store.ListAsync(null, 200, Cancel).AsTask()));

        Assert.All(pages, page => Assert.InRange(page.Items.Count, 7, 9));
        Assert.All(Commands("find").Skip(1), command => Assert.InRange(command["limit"].ToInt32(), 1, 51));
    }

    [Fact]
    public async Task Where_almost_nothing_is_a_user_a_page_ends_in_time_and_leads_on()
    {
        Server.Seed("users", "users", [.. Enumerable.Range(0, 2000).Select(i => new BsonDocument("_id", $"n{i:0000}")), Document("user")]);
        var store = Store();
        Server.ExecutionTime = TimeSpan.FromMilliseconds(300);

        var found = new List<User>();
        for (UserId? after = null; ;)
        {
            var page = await store.ListAsync(after, 10, Cancel);
            found.AddRange(page.Items);
            if (page.Next is null)
            {
                break;
            }

            after = Id(page.Next);
        }

        Assert.Equal("user", Assert.Single(found).Id);
    }

    private static BsonDocument Great(int number) => Document($"u{number:000}").Add("attributes", s_attributes);
}
