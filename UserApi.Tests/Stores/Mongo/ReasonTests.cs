using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>A ping shows what callers would experience, and a failure says what is wrong and how to fix it.</summary>
public sealed class ReasonTests : MongoStoreTest
{
    [Fact]
    public async Task A_sign_of_life_is_a_read_as_callers_read()
    {
        var store = Store();
        await store.PingAsync(Cancel);
        var first = Commands("find").Count(); // includes the search for ids that are not strings

        await store.PingAsync(Cancel);

        var find = Commands("find").Skip(first).Single();
        Assert.Equal(("users", new BsonDocument("_id", "")), (find["find"].AsString, find["filter"].AsBsonDocument));
        Assert.Empty(Commands("ping"));
    }

    [Theory]
    [InlineData("find")]
    [InlineData("update")]
    [InlineData("findAndModify")]
    public async Task A_user_without_the_right_to_read_or_write_is_told_to_the_operator(string forbidden)
    {
        var store = Store();
        await store.PingAsync(Cancel);
        Forbid(forbidden);

        if (forbidden != "find")
        {
            await store.PingAsync(Cancel); // nothing is known yet
            await Record.ExceptionAsync(() => PutAsync(store, returnUser: forbidden == "findAndModify"));
        }

        var verb = forbidden == "find" ? "read" : "write";
        var failure = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.PingAsync(Cancel).AsTask());
        Assert.Equal($"The database user may not {verb} the collection users. Give it the role readWrite on its database.", failure.Reason);

        Server.ConfigureFailPoint("failCommand", "off");
        await PutAsync(store, returnUser: false);
        await store.PingAsync(Cancel);
    }

    [Theory]
    [InlineData(20)]
    [InlineData(301)]
    public async Task A_server_without_retryable_writes_is_named_with_the_cure_and_the_cure_works(int code)
    {
        await using var server = await MongoWireServer.StartAsync(new() { RetryableWritesError = code });
        using (var host = new StoreHost(TimeProvider.System, ("ConnectionStrings:users", server.ConnectionString)))
        {
            await host.Store.PingAsync(Cancel);

            await Assert.ThrowsAsync<StoreUnavailableException>(() => PutAsync(host.Store, returnUser: false));

            var failure = await Assert.ThrowsAsync<StoreUnavailableException>(() => host.Store.PingAsync(Cancel).AsTask());
            Assert.Equal("The server has no retryable writes. Set retryWrites=false in ConnectionStrings:users.", failure.Reason);
        }

        using var cured = new StoreHost(TimeProvider.System, ("ConnectionStrings:users", server.ConnectionString + "&retryWrites=false"));
        await PutAsync(cured.Store, returnUser: false);
        await cured.Store.PingAsync(Cancel);
    }

    [Fact]
    public async Task Servers_that_take_no_writes_are_named_with_what_each_answers()
    {
        var store = Store();
        await store.PingAsync(Cancel);
        Server.StepDown(TimeSpan.FromMinutes(1));
        await Record.ExceptionAsync(() => PingUntilItFailsAsync(store));
        var noPrimary = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.PingAsync(Cancel).AsTask());
        Assert.Equal($"No server takes writes: 127.0.0.1:{Server.Port} is a ReplicaSetSecondary.", noPrimary.Reason);

        Server.Stop();
        await Record.ExceptionAsync(() => PingUntilItFailsAsync(store));
        var nobody = await Assert.ThrowsAsync<StoreUnavailableException>(() => store.PingAsync(Cancel).AsTask());
        Assert.Equal($"No server takes writes: 127.0.0.1:{Server.Port} does not answer (ConnectionRefused).", nobody.Reason);
    }

    [Fact]
    public async Task Credentials_that_are_refused_are_said_to_be_and_not_repeated()
    {
        // The double has no authentication.
        using var host = new StoreHost(
            TimeProvider.System, ("ConnectionStrings:users", $"mongodb://ana:s3cret@127.0.0.1:{Server.Port}/users?replicaSet=rs0"));

        var failure = await Assert.ThrowsAsync<StoreUnavailableException>(() => host.Store.PingAsync(Cancel).AsTask());

        Assert.Equal("The server refuses the credentials of ConnectionStrings:users. Check the user name, the password and authSource.", failure.Reason);
    }

    [Fact]
    public async Task A_collection_whose_ids_do_not_compare_by_bytes_is_refused()
    {
        await AsOperatorAsync(_ => Task.CompletedTask, new("en", strength: CollationStrength.Secondary));
        var store = Store();

        Func<Task>[] calls = [() => store.PingAsync(Cancel).AsTask(), () => PutAsync(store, returnUser: false), () => store.FindAsync(Id("ana"), Cancel).AsTask()];
        foreach (var call in calls)
        {
            var failure = await Assert.ThrowsAsync<StoreUnavailableException>(call);
            Assert.Contains("has a default collation", failure.Reason);
            Assert.False(failure.MayHaveBeenApplied);
        }

        Assert.Equal(0, Server.DocumentCount("users", "users"));

        // Replaces the collection
        await AsOperatorAsync(users => users.Database.DropCollectionAsync("users"), isNew: false);
        await store.PingAsync(Cancel);
        Assert.Equal(WriteOutcome.Created, (await PutAsync(store, returnUser: false)).Outcome);
    }

    private static async Task PingUntilItFailsAsync(IUserStore store)
    {
        while (true)
        {
            await store.PingAsync(Cancel);
            await Task.Delay(10, Cancel);
        }
    }

    private static Task<WriteResult> PutAsync(IUserStore store, bool returnUser) =>
        store.PutAsync(Id("ana"), new("Ana"), default, returnUser, Cancel).AsTask();

    private void Forbid(string command) => Server.ConfigureFailPoint(
        "failCommand", "alwaysOn", new() { { "failCommands", new BsonArray { command } }, { "errorCode", 13 } });
}
