using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>A failed write does not hide the results of the other writes in its batch.</summary>
public class BatchedFailureTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Writes_are_answered_as_they_were_applied_while_others_collide_without_end()
    {
        await using var server = await MongoWireServer.StartAsync();
        server.Seed("users", "users", [Document("other")]);
        using var host = new StoreHost(TimeProvider.System, ("ConnectionStrings:users", server.ConnectionString));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => PutAsync($"old{i}", "Ana")));

        // Every first write of a new user keeps colliding with another write.
        server.ConfigureFailPoint("racingUpsert", "alwaysOn", new("document", Document("other")));
        var puts = Enumerable.Range(0, 20).SelectMany(i => new[] { PutAsync($"old{i}", "Bea"), PutAsync($"new{i}", "Bea") }).ToArray();

        for (var i = 0; i < puts.Length; i++)
        {
            if (i % 2 == 0)
            {
                Assert.Equal(WriteOutcome.Replaced, (await puts[i].WaitAsync(s_timeout, Cancel)).Outcome);
            }
            else
            {
                var failure = await Assert.ThrowsAsync<StoreUnavailableException>(() => puts[i].WaitAsync(s_timeout, Cancel));
                Assert.False(failure.MayHaveBeenApplied);
            }
        }

        Task<WriteResult> PutAsync(string text, string name) => UserId.TryParse(text, out var id, out var error)
            ? host.Store.PutAsync(id, new(name), default, returnUser: false, Cancel).AsTask()
            : throw new InvalidOperationException(error);

        static BsonDocument Document(string id) => new() { { "_id", id }, { "name", "Other" }, { "version", "v" } };
    }
}
