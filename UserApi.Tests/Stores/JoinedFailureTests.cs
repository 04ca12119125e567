using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>What goes wrong with one write does not hide what became of those that it was joined with.</summary>
public class JoinedFailureTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_write_that_was_applied_before_another_one_failed_is_said_to_may_have_been_applied()
    {
        await using var server = await MongoWireServer.StartAsync();
        server.Seed("users", "users", [Document("other")]);
        using var host = new StoreHost(TimeProvider.System, ("ConnectionStrings:users", server.ConnectionString));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => PutAsync($"old{i}")));

        // Whoever is new collides with another first write for ever, and is tried again until the server is gone.
        server.ConfigureFailPoint("racingUpsert", "alwaysOn", new("document", Document("other")));
        var puts = Enumerable.Range(0, 20).SelectMany(i => new[] { PutAsync($"old{i}"), PutAsync($"new{i}") }).ToArray();
        await Task.Delay(300, Cancel);
        server.Stop();

        var failures = new List<StoreUnavailableException>();
        foreach (var put in puts.Where((_, i) => i % 2 == 0))
        {
            if (await Record.ExceptionAsync(() => put.WaitAsync(s_patience, Cancel)) is { } failure)
            {
                failures.Add(Assert.IsType<StoreUnavailableException>(failure));
            }
        }

        Assert.NotEmpty(failures);
        Assert.All(failures, failure => Assert.True(failure.MayHaveBeenApplied));

        Task<WriteResult> PutAsync(string text) => UserId.TryParse(text, out var id, out var error)
            ? host.Store.PutAsync(id, new("Ana"), default, returnUser: false, Cancel).AsTask()
            : throw new InvalidOperationException(error);

        static BsonDocument Document(string id) => new() { { "_id", id }, { "name", "Other" }, { "version", "v" } };
    }
}
