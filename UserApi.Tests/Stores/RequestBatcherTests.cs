using System.Collections.Concurrent;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Mongo;

namespace UserApi.Tests.Stores;

/// <summary>Each caller of a batch gets its own result, whether all operations succeed or one of them fails.</summary>
public class RequestBatcherTests
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task However_many_wait_each_is_carried_out_once_and_answered_with_its_own_result()
    {
        var sizes = new ConcurrentBag<int>();
        var batcher = Batcher(requests =>
        {
            sizes.Add(requests.Count);
            Echo(requests);
        });

        for (var round = 0; round < 20; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(item => batcher.RunAsync(item, Cancel))).WaitAsync(s_timeout, Cancel);

            Assert.Equal(Enumerable.Range(0, 1000).Select(item => $"{item}"), results);
        }

        Assert.Equal(20 * 1000, sizes.Sum());
        Assert.InRange(sizes.Max(), 2, 64);
    }

    [Fact]
    public async Task A_failure_is_an_exception_of_each_callers_own()
    {
        var failure = new StoreUnavailableException(mayHaveBeenApplied: true, new TimeoutException()) { Reason = "It is down." };
        var batcher = Batcher(_ => throw failure);

        var failures = await Task.WhenAll(Enumerable.Range(0, 10)
            .Select(item => Assert.ThrowsAsync<StoreUnavailableException>(() => batcher.RunAsync(item, Cancel))));

        Assert.Equal(10, failures.Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.All(
            failures,
            each => Assert.Equal((true, failure.InnerException, "It is down."), (each.MayHaveBeenApplied, each.InnerException, each.Reason)));
    }

    [Fact]
    public async Task Who_gives_up_waits_no_longer_and_the_others_get_their_results()
    {
        var answer = new TaskCompletionSource();
        var batcher = new RequestBatcher<int, string>("test", async requests =>
        {
            await answer.Task;
            Echo(requests);
        });
        using var hangUp = new CancellationTokenSource();
        var impatient = batcher.RunAsync(1, hangUp.Token);
        var patient = batcher.RunAsync(2, Cancel);

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient.WaitAsync(s_timeout, Cancel));
        answer.SetResult();
        Assert.Equal("2", await patient.WaitAsync(s_timeout, Cancel));
    }

    [Fact]
    public async Task What_fails_after_some_were_answered_is_the_failure_of_the_others_only()
    {
        var batcher = Batcher(requests =>
        {
            Echo([.. requests.Where(request => request.Item % 2 == 0)]);
            throw new FormatException();
        });

        var results = Enumerable.Range(0, 100).Select(item => batcher.RunAsync(item, Cancel)).ToArray();

        foreach (var (item, result) in results.Index())
        {
            var failure = await Record.ExceptionAsync(() => result.WaitAsync(s_timeout, Cancel));
            Assert.Equal(item % 2 == 0 ? null : typeof(FormatException), failure?.GetType());
        }
    }

    [Fact]
    public async Task What_was_given_up_before_it_was_sent_is_not_sent()
    {
        var seen = new ConcurrentQueue<int>();
        var batcher = Batcher(requests =>
        {
            requests.ToList().ForEach(request => seen.Enqueue(request.Item));
            Echo(requests);
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => batcher.RunAsync(1, new(canceled: true)));
        await batcher.RunAsync(2, Cancel).WaitAsync(s_timeout, Cancel);

        Assert.Equal([2], seen);
    }

    private static RequestBatcher<int, string> Batcher(Action<IReadOnlyList<RequestBatcher<int, string>.Request>> execute) =>
        new("test", requests =>
        {
            execute(requests);
            return default;
        });

    private static void Echo(IReadOnlyList<RequestBatcher<int, string>.Request> requests)
    {
        foreach (var request in requests)
        {
            request.SetResult($"{request.Item}");
        }
    }
}
