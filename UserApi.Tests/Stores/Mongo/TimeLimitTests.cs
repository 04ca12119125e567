using System.Diagnostics;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;
using UserApi.Tests.Reliability;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>
/// The server's time limit ends before the store's timeout, so that the reply arrives and the connection stays in the pool. No other test
/// runs meanwhile, because these tests measure time.
/// </summary>
[Collection(nameof(Alone))]
public sealed class TimeLimitTests : MongoStoreTest
{
    private static readonly Precondition s_createOnly = new(null, EntityTagSet.Any);

    [Fact]
    public async Task Every_command_tells_the_server_when_to_stop()
    {
        var store = Store();
        await store.PutAsync(Id("ana"), new("Ana"), default, returnUser: false, Cancel);
        await store.PutAsync(Id("ana"), new("Ana"), s_createOnly, returnUser: false, Cancel);
        await store.UpdateAsync(Id("ana"), body => body with { Name = "Bea" }, default, Cancel);
        await store.ListAsync(null, 10, Cancel);
        await store.DeleteAsync(Id("ana"), Precondition.Matches("none"), Cancel);
        await store.PingAsync(Cancel);

        Assert.All(Commands("find", "findAndModify"), command => Assert.InRange(command["maxTimeMS"].ToInt32(), 1, 1350));
        Assert.All(Commands("findAndModify", "update"), command => Assert.InRange(command["writeConcern"]["wtimeout"].ToInt32(), 1, 1350));
        Assert.Equal(8, Commands("find", "findAndModify").Count()); // the first ping also searches for ids that are not strings
    }

    [Fact]
    public async Task What_is_left_of_the_time_shrinks_with_every_attempt()
    {
        var store = Store();
        await store.PutAsync(Id("ana"), new("Ana"), default, returnUser: false, Cancel);
        Server.ExecutionTime = TimeSpan.FromMilliseconds(400);

        await store.UpdateAsync(Id("ana"), body => body with { Name = "Bea" }, default, Cancel);

        var write = Commands("findAndModify").Single();
        Assert.InRange(write["maxTimeMS"].ToInt32(), 150, 1050);
        Assert.Equal(write["maxTimeMS"].ToInt32(), write["writeConcern"]["wtimeout"].ToInt32());
    }

    [Theory]
    [InlineData("list")]
    [InlineData("create")]
    [InlineData("delete")]
    [InlineData("find")]
    public async Task Callers_of_a_server_that_is_too_slow_cost_no_connections(string operation)
    {
        var store = Store();
        var calls = 0;

        // The pool opens at most two connections at a time, so it has enough of them only after some rounds.
        Server.ExecutionTime = TimeSpan.FromMilliseconds(500);
        await RoundAsync(expectFailure: false);
        await RoundAsync(expectFailure: false);
        var before = Server.AcceptedConnections;
        Server.ExecutionTime = TimeSpan.FromSeconds(2);

        await RoundAsync(expectFailure: true);
        await RoundAsync(expectFailure: true);

        Assert.InRange(Server.AcceptedConnections - before, 0, 2); // the monitor may renew its connections

        async Task RoundAsync(bool expectFailure)
        {
            await using var metronome = new Metronome();
            var start = Stopwatch.GetTimestamp();
            var failures = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Record.ExceptionAsync(() => CallAsync($"u{Interlocked.Increment(ref calls)}")).AsTask()));

            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(1.6) + metronome.Stall);
            Assert.All(failures, failure => Assert.Equal(expectFailure ? typeof(StoreUnavailableException) : null, failure?.GetType()));
            Assert.All(
                failures.OfType<StoreUnavailableException>(),
                failure => Assert.Equal(
                    (operation is "create" or "delete", "The server did not finish a command in time. It is overloaded, or Store:Timeout is too short for it."),
                    (failure.MayHaveBeenApplied, failure.Reason)));
        }

        Task CallAsync(string id) => operation switch
        {
            "list" => store.ListAsync(null, 10, Cancel).AsTask(),
            "create" => store.PutAsync(Id(id), new("Ana"), s_createOnly, returnUser: false, Cancel).AsTask(),
            "delete" => store.DeleteAsync(Id(id), default, Cancel).AsTask(),
            _ => store.FindAsync(Id(id), Cancel).AsTask(),
        };
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_write_that_the_majority_does_not_get_is_said_to_be_possibly_applied_and_holds_nothing(bool returnUser)
    {
        var store = Store();
        await store.PutAsync(Id("ana"), new("Ana"), default, returnUser, Cancel);
        var before = Server.AcceptedConnections;
        Server.HasMajority = false;

        var failure = await Assert.ThrowsAsync<StoreUnavailableException>(
            () => store.PutAsync(Id("ana"), new("Bea"), default, returnUser, Cancel).AsTask());

        Assert.True(failure.MayHaveBeenApplied);
        Assert.Contains("majority", failure.Reason);
        Assert.Equal("Bea", (await store.FindAsync(Id("ana"), Cancel))?.Name);
        Assert.InRange(Server.AcceptedConnections - before, 0, 1);
        Server.HasMajority = true;
        Assert.Equal(WriteOutcome.Replaced, (await store.PutAsync(Id("ana"), new("Cay"), default, returnUser, Cancel)).Outcome);
    }
}
