using System.Collections.Concurrent;
using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;
using UserApi.Tests.MongoWire;

namespace UserApi.Tests.Stores;

/// <summary>What goes wrong with one operation does not become the trouble of those that it was joined with, and is not hidden by them.</summary>
public class JoinedFailureTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_wrong_with_one_read_fails_its_own_caller_only()
    {
        var batches = new Batches<int, string>(Echo, isRepeatable: true);

        var results = Enumerable.Range(0, 100).Select(item => batches.RunAsync(item, Cancel)).ToArray();

        await Assert.ThrowsAsync<FormatException>(() => results[13].WaitAsync(s_patience, Cancel));
        foreach (var (item, result) in results.Index().Where(result => result.Index != 13))
        {
            Assert.Equal($"{item}", await result.WaitAsync(s_patience, Cancel));
        }

        static ValueTask<IReadOnlyList<string>> Echo(IReadOnlyList<int> items) =>
            items.Contains(13) ? throw new FormatException() : new([.. items.Select(item => $"{item}")]);
    }

    [Fact]
    public async Task A_write_that_fails_is_not_repeated()
    {
        var seen = new ConcurrentQueue<int>();
        var batches = new Batches<int, string>(Fail, isRepeatable: false);

        var results = Enumerable.Range(0, 100).Select(item => Assert.ThrowsAsync<FormatException>(() => batches.RunAsync(item, Cancel)));

        await Task.WhenAll(results).WaitAsync(s_patience, Cancel);
        Assert.Equal(Enumerable.Range(0, 100), seen.Order());

        ValueTask<IReadOnlyList<string>> Fail(IReadOnlyList<int> items)
        {
            items.ToList().ForEach(seen.Enqueue);
            throw new FormatException();
        }
    }

    [Fact]
    public async Task What_was_given_up_before_it_was_sent_is_not_sent()
    {
        var seen = new ConcurrentQueue<int>();
        var batches = new Batches<int, string>(Note, isRepeatable: false);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => batches.RunAsync(1, new(canceled: true)));
        await batches.RunAsync(2, Cancel).WaitAsync(s_patience, Cancel);

        Assert.Equal([2], seen);

        ValueTask<IReadOnlyList<string>> Note(IReadOnlyList<int> items)
        {
            items.ToList().ForEach(seen.Enqueue);
            return new([.. items.Select(item => $"{item}")]);
        }
    }

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
