using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;
using UserApi.Tests.Reliability;

namespace UserApi.Tests.Stores;

/// <summary>Operations that wait for a thread together are batched. All tests share the thread pool, so no other one runs.</summary>
[Collection(nameof(Alone))]
public sealed class BatchedOperationsTests : IAsyncLifetime
{
    private const int Operations = 100;

    // Batches are limited in size, so currently there are two commands. What matters is that there are few.
    private const int FewCommands = 5;

    private MongoWireServer _server = null!;
    private StoreHost _host = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await MongoWireServer.StartAsync();
        _host = new(TimeProvider.System, ("ConnectionStrings:users", _server.ConnectionString), ("Store:Timeout", "00:00:20"));
    }

    public ValueTask DisposeAsync()
    {
        _host.Dispose();
        return _server.DisposeAsync();
    }

    [Fact]
    public async Task Puts_that_wait_for_a_processor_go_out_together_and_are_answered_each()
    {
        await _host.Store.PutAsync(Id(0), new("Ana"), default, returnUser: false, Cancel);
        var before = _server.CommandCount("update");

        var puts = await Together.StartAsync(Operations, i => PutAsync(i).AsTask());

        Assert.InRange(_server.CommandCount("update") - before, 1, FewCommands);
        Assert.Equal(WriteOutcome.Replaced, puts[0].Outcome);
        Assert.All(puts.Skip(1), put => Assert.Equal(WriteOutcome.Created, put.Outcome));
        for (var i = 0; i < Operations; i++)
        {
            Assert.Equal(puts[i].Version, (await FindAsync(i))?.Version);
        }
    }

    [Fact]
    public async Task Users_looked_for_by_callers_who_wait_for_a_processor_are_found_together()
    {
        for (var i = 0; i < Operations; i += 2)
        {
            await PutAsync(i);
        }

        var before = _server.CommandCount("find");

        var found = await Together.StartAsync(Operations, i => FindAsync(i).AsTask());

        Assert.InRange(_server.CommandCount("find") - before, 1, FewCommands);
        Assert.Equal(Enumerable.Range(0, Operations).Select(i => i % 2 == 0 ? $"User {i}" : null), found.Select(user => user?.Name));
    }

    private static UserId Id(int number) => UserId.TryParse($"u{number}", out var id, out _) ? id : throw new ArgumentOutOfRangeException(nameof(number));

    private ValueTask<WriteResult> PutAsync(int number) => _host.Store.PutAsync(Id(number), new($"User {number}"), default, returnUser: false, Cancel);

    private ValueTask<User?> FindAsync(int number) => _host.Store.FindAsync(Id(number), Cancel);
}
