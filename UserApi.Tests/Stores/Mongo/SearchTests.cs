using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>What finding users costs a MongoDB server, and what is answered before it can be done.</summary>
public sealed class SearchTests : MongoStoreTest
{
    private static readonly UserQuery[] s_searches =
    [
        new() { Email = "ana@example.org" }, new() { Name = "a" }, new() { Attributes = [new("a", "b")] }, new() { UpdatedSince = DateTime.UnixEpoch },
        new() { Order = UserOrder.Name }, new() { Order = UserOrder.CreatedAt }, new() { Order = UserOrder.UpdatedAt, IsDescending = true },
    ];

    [Fact]
    public async Task Before_there_are_indexes_what_needs_them_is_refused_and_everything_else_is_done()
    {
        var store = Store();
        await store.PutAsync(Id("ana"), new("Ana", "ana@example.org"), default, Cancel);

        await Assert.AllAsync(s_searches, query => Assert.ThrowsAsync<IndexNotReadyException>(() => store.ListAsync(query, Cancel).AsTask()));
        Assert.Single((await store.ListAsync(null, 10, Cancel)).Items);
        Assert.Single((await store.ListAsync(new() { IsDescending = true }, Cancel)).Items);
        await store.MakeIndexesAsync(Cancel);
        await Assert.AllAsync(s_searches.Where(query => query.Attributes.Count == 0), async query => Assert.Single((await store.ListAsync(query, Cancel)).Items));
    }

    [Fact]
    public async Task Documents_without_keys_get_them_where_they_were_left_and_are_shown_as_before()
    {
        await AsOperatorAsync(users => users.InsertManyAsync(
        [
            .. Enumerable.Range(0, 250).Select(i => Document($"u{i:000}", $"Name {i % 3}").Add("email", $"U{i}@Example.org").Add("attributes", new BsonDocument("team", "blue"))),
            new() { { "_id", "foreign" }, { "name", "Foreign" } },
            new() { { "_id", "unreadable" }, { "name", 1 } },
            new() { { "_id", ObjectId.GenerateNewId() }, { "name", "other" } },
        ]));
        var store = Store();
        var before = (await store.ListAsync(null, 200, Cancel)).Items.Select(user => user.Version);
        var foreign = await store.FindAsync(Id("foreign"), Cancel);

        // It breaks off in the second step.
        Server.ConfigureFailPoint("failCommand", new BsonDocument("skip", 1), BsonDocument.Parse("{ failCommands: ['update'], errorCode: 50 }"));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.MakeIndexesAsync(Cancel));
        Server.ConfigureFailPoint("failCommand", "off");
        await Assert.ThrowsAsync<IndexNotReadyException>(() => store.ListAsync(s_searches[0], Cancel).AsTask());
        await store.PutAsync(Id("u249"), new("Name 9", "new@example.org"), default, Cancel);
        var updates = Server.CommandCount("update");
        await store.MakeIndexesAsync(Cancel);

        Assert.Equal(2, Server.CommandCount("update") - updates); // the 151 that were left
        await store.MakeIndexesAsync(Cancel);
        Assert.Equal("u007", Assert.Single((await store.ListAsync(new() { Email = "u7@EXAMPLE.ORG" }, Cancel)).Items).Id);
        Assert.Equal("u249", Assert.Single((await store.ListAsync(new() { Email = "new@example.org" }, Cancel)).Items).Id);
        Assert.Empty((await store.ListAsync(new() { Email = "u249@example.org" }, Cancel)).Items);
        Assert.Equal(252, (await store.ListAsync(new() { Count = true }, Cancel)).Total); // one cannot be read
        Assert.Equal("foreign", Assert.Single((await store.ListAsync(new() { Name = "foreign" }, Cancel)).Items).Id);
        Assert.Equal(foreign, await store.FindAsync(Id("foreign"), Cancel));
        Assert.Equal("foreign", (await store.ListAsync(new() { Order = UserOrder.CreatedAt, Limit = 1 }, Cancel)).Items[0].Id);
        Assert.Equal(before.Take(199), (await store.ListAsync(null, 200, Cancel)).Items.Select(user => user.Version).Take(199));

        // The next start finds those only that cannot have keys.
        updates = Server.CommandCount("update");
        await Store().MakeIndexesAsync(Cancel);
        Assert.Equal(updates, Server.CommandCount("update"));
    }

    [Fact]
    public async Task What_an_earlier_version_writes_is_found_again_and_no_search_is_answered_while_it_may_write()
    {
        var store = Store();
        await store.PutAsync(Id("ana"), new("Ana", "ana@example.org"), default, Cancel);
        await store.PutAsync(Id("bo"), new("Bo"), default, Cancel);
        await store.MakeIndexesAsync(Cancel);

        await AsEarlierVersionAsync(("ana", new("Eve")), ("new", new("New")));
        await store.MakeIndexesAsync(Cancel);
        await Assert.ThrowsAsync<IndexNotReadyException>(() => store.ListAsync(s_searches[0], Cancel).AsTask());
        await store.MakeIndexesAsync(Cancel);
        Assert.Empty((await store.ListAsync(new() { Email = "ana@example.org" }, Cancel)).Items);
        Assert.Equal("ana", Assert.Single((await store.ListAsync(new() { Name = "e" }, Cancel)).Items).Id);
        Assert.Equal("new", Assert.Single((await store.ListAsync(new() { Name = "NEW" }, Cancel)).Items).Id);

        // After a return to that version and a later rollout, a new instance looks back to what was checked before.
        await AsEarlierVersionAsync([.. Enumerable.Range(0, 1_100).Select(i => ($"u{i}", new UserInput($"Old {i}")))]);
        await store.MakeIndexesAsync(Cancel);
        await AsEarlierVersionAsync([.. Enumerable.Range(0, 1_100).Select(i => ($"u{i}", new UserInput($"Older {i}"))), ("bo", new("Zoe", "zoe@example.org"))]);
        var next = Store();
        await next.MakeIndexesAsync(Cancel);
        await Assert.ThrowsAsync<IndexNotReadyException>(() => next.ListAsync(s_searches[0], Cancel).AsTask());
        await next.MakeIndexesAsync(Cancel);
        Assert.Equal("bo", Assert.Single((await next.ListAsync(new() { Email = "zoe@example.org" }, Cancel)).Items).Id);
        Assert.Equal(1_100, (await next.ListAsync(new() { Name = "OLDER", Count = true }, Cancel)).Total);

        Task AsEarlierVersionAsync(params (string Id, UserInput Body)[] writes) => AsOperatorAsync(
            users => users.BulkWriteAsync(
                writes.Select(write => new UpdateOneModel<BsonDocument>(
                    new BsonDocument("_id", write.Id),
                    new BsonDocument("$set", new BsonDocument
                    {
                        { "name", write.Body.Name },
                        { "email", (BsonValue?)write.Body.Email ?? BsonNull.Value },
                        { "version", User.NewVersion() },
                        { "updatedAt", DateTime.UtcNow },
                    }))
                {
                    IsUpsert = true,
                }),
                cancellationToken: Cancel),
            isNew: false);
    }

    [Fact]
    public async Task A_version_that_is_given_to_a_document_without_one_does_not_make_its_keys_old()
    {
        await AsOperatorAsync(users => users.InsertOneAsync(new() { { "_id", "foreign" }, { "name", "Foreign" } }));
        var store = Store();
        await store.MakeIndexesAsync(Cancel);
        await store.MakeIndexesAsync(Cancel);
        var version = (await store.FindAsync(Id("foreign"), Cancel))!.Version;

        Assert.Equal(WriteOutcome.Replaced, (await store.UpdateAsync(Id("foreign"), body => body with { Name = "F" }, Precondition.Matches(version), Cancel)).Outcome);
        await store.MakeIndexesAsync(Cancel);
        Assert.NotNull(await store.ListAsync(s_searches[0], Cancel));
    }

    [Fact]
    public async Task Every_search_names_its_index_and_asks_for_no_more_than_is_looked_at()
    {
        var store = Store();
        await store.MakeIndexesAsync(Cancel);
        await store.PutAsync(Id("ana"), new("Ana", "ana@example.org", new Dictionary<string, string> { ["a"] = "b" }), default, Cancel);

        foreach (var order in Enum.GetValues<UserOrder>())
        {
            foreach (var query in s_searches.Append(new() { Email = "a", Name = "b", Attributes = [new("a", "b"), new("c", "d")], UpdatedSince = DateTime.UnixEpoch }))
            {
                foreach (var after in (UserPosition?[])[null, new("u", "v", DateTime.UnixEpoch)])
                {
                    await store.ListAsync(query with { Order = order, After = after, Count = true }, Cancel);
                }
            }
        }

        var finds = Commands("find").Where(command => !(command["filter"].AsBsonDocument.ElementCount == 1 && command["filter"].AsBsonDocument.Contains("_id"))).ToList();
        Assert.NotEmpty(finds);
        Assert.All(finds, command => Assert.True(command.Contains("hint") && command["limit"] <= UserQuery.MaxTotal + 1 && command.Contains("maxTimeMS"), $"{command}"));
        Assert.All(Commands("aggregate"), command => Assert.True(command.Contains("hint") && command.Contains("maxTimeMS"), $"{command}"));

        // src/mongo/db/query/query_planner.cpp: without the index there is an error, and no search over the collection.
        await AsOperatorAsync(users => users.Indexes.DropAllAsync(Cancel), isNew: false);
        await Assert.ThrowsAsync<StoreUnavailableException>(() => store.ListAsync(s_searches[0], Cancel).AsTask());
    }

    [Fact]
    public async Task A_user_with_an_address_is_not_written_before_it_is_known_to_be_the_only_one()
    {
        var store = Store("", ("Users:UniqueEmails", "true"));

        await Assert.ThrowsAsync<IndexNotReadyException>(() => store.PutAsync(Id("ana"), new("Ana", "a@example.org"), default, Cancel).AsTask());
        await Assert.ThrowsAsync<IndexNotReadyException>(() => store.PutAsync(Id("ana"), new("Ana", "a@example.org"), default, returnUser: false, Cancel).AsTask());
        Assert.Equal(WriteOutcome.Created, (await store.PutAsync(Id("ana"), new("Ana"), default, Cancel)).Outcome);
        await Assert.ThrowsAsync<IndexNotReadyException>(() => store.UpdateAsync(Id("ana"), body => body with { Email = "a@example.org" }, default, Cancel).AsTask());
        await store.MakeIndexesAsync(Cancel);
        Assert.Equal(WriteOutcome.Replaced, (await store.PutAsync(Id("ana"), new("Ana", "a@example.org"), default, Cancel)).Outcome);
    }

    [Fact]
    public async Task A_document_of_another_program_whose_address_is_taken_keeps_the_process_from_starting()
    {
        await Store("", ("Users:UniqueEmails", "true")).MakeIndexesAsync(Cancel);
        await Store().PutAsync(Id("ana"), new("Ana", "a@example.org"), default, Cancel);
        await AsOperatorAsync(users => users.InsertOneAsync(Document("foreign").Add("email", "A@example.org")), isNew: false);

        var refusal = await Assert.ThrowsAsync<DuplicateEmailsException>(() => Store("", ("Users:UniqueEmails", "true")).MakeIndexesAsync(Cancel));
        Assert.Contains(" 1 e-mail address is ", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_taken_address_that_an_earlier_version_has_written_is_told_until_it_is_changed_and_no_search_is_answered()
    {
        var clock = new ManualClock();
        using var host = new StoreHost(clock, [("ConnectionStrings:users", Server.ConnectionString), ("Users:UniqueEmails", "true")]);
        await host.Store.MakeIndexesAsync(Cancel);
        await host.Store.PutAsync(Id("ana"), new("Ana", "a@example.org"), default, Cancel);
        await host.Store.PutAsync(Id("bo"), new("Bo"), default, Cancel);
        await AsOperatorAsync(
            users => users.UpdateOneAsync(new BsonDocument("_id", "bo"), new BsonDocument("$set", new BsonDocument { { "email", "A@example.org" }, { "version", "earlier" } }), null, Cancel),
            isNew: false);
        await AssertToldAsync();

        // Many others are written later.
        clock.Now += TimeSpan.FromMinutes(1);
        var later = clock.Now.UtcDateTime.AddSeconds(-30);
        await AsOperatorAsync(users => users.InsertManyAsync(Enumerable.Range(0, 1_100).Select(i => Document($"u{i}").Set("updatedAt", later)), null, Cancel), isNew: false);
        for (var i = 0; i < 3; i++)
        {
            await AssertToldAsync();
        }

        await host.Store.PutAsync(Id("bo"), new("Bo", "b@example.org"), default, Cancel);
        await host.Store.MakeIndexesAsync(Cancel);
        Assert.Equal("bo", Assert.Single((await host.Store.ListAsync(new() { Email = "b@example.org" }, Cancel)).Items).Id);

        async Task AssertToldAsync()
        {
            await Assert.ThrowsAsync<DuplicateEmailsException>(() => host.Store.MakeIndexesAsync(Cancel));
            await Assert.ThrowsAsync<IndexNotReadyException>(() => host.Store.ListAsync(s_searches[0], Cancel).AsTask());
        }
    }

    [Fact]
    public async Task The_process_makes_the_indexes_by_itself_when_the_server_is_there_and_says_503_until_then()
    {
        Server.ConfigureFailPoint("failCommand", "alwaysOn", BsonDocument.Parse("{ failCommands: ['createIndexes'], errorCode: 13 }"));
        var log = new LogCollector();
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = api.CreateClient();
        await client.Put("ana", """{"name":"Ana","email":"ana@example.org"}""").Is(HttpStatusCode.Created);
        await Poll.UntilAsync(() => log.Lines.Any(line => line.Contains("indexes of users cannot be made", StringComparison.Ordinal)), TimeSpan.FromSeconds(20));

        var refused = await client.Send("GET", "/users?email=ana@example.org").Is(HttpStatusCode.ServiceUnavailable);
        Assert.Equal("/problems/index-not-ready", (await refused.Read()).GetProperty("type").GetString());
        Assert.NotNull(refused.Headers.RetryAfter);
        await client.Send("GET", "/users").Is(HttpStatusCode.OK);

        Server.ConfigureFailPoint("failCommand", "off");
        HttpStatusCode status;
        do
        {
            status = (await client.Send("GET", "/users?email=ANA@example.org")).StatusCode;
        }
        while (status == HttpStatusCode.ServiceUnavailable);

        Assert.Equal(HttpStatusCode.OK, status);
    }
}
