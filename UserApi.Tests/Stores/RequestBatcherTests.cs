using System.Collections.Concurrent;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Mongo;

namespace UserApi.Tests.Stores;

/// <summary>Operations that are joined are still each caller's own, when all goes well and when one of them fails.</summary>
public class RequestBatcherTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task However_many_wait_each_is_carried_out_once_and_answered_with_its_own_result()
    {
        var sizes = new List<int>();
        var batches = new RequestBatcher<int, string>(items =>
        {
            lock (sizes)
            {
                sizes.Add(items.Count);
            }

            return new([.. items.Select(item => $"{item}")]);
        }, isRepeatable: true);

        for (var round = 0; round < 20; round++)
        {
            var results = await Task.WhenAll(Enumerable.Range(0, 1000).Select(item => batches.RunAsync(item, Cancel))).WaitAsync(s_patience, Cancel);

            Assert.Equal(Enumerable.Range(0, 1000).Select(item => $"{item}"), results);
        }

        Assert.Equal(20 * 1000, sizes.Sum());
        Assert.InRange(sizes.Max(), 2, 64);
    }

    [Fact]
    public async Task A_failure_is_an_exception_of_each_callers_own()
    {
        var failure = new StoreUnavailableException(mayHaveBeenApplied: true, new TimeoutException());
        var batches = new RequestBatcher<int, string>(_ => throw failure, isRepeatable: true);

        var failures = await Task.WhenAll(Enumerable.Range(0, 10)
            .Select(item => Assert.ThrowsAsync<StoreUnavailableException>(() => batches.RunAsync(item, Cancel))));

        Assert.Equal(10, failures.Distinct(ReferenceEqualityComparer.Instance).Count());
        Assert.All(failures, each => Assert.Equal((true, failure.InnerException), (each.MayHaveBeenApplied, each.InnerException)));
    }

    [Fact]
    public async Task Who_gives_up_waits_no_longer_and_the_others_get_their_results()
    {
        var answer = new TaskCompletionSource<IReadOnlyList<string>>();
        var batches = new RequestBatcher<int, string>(_ => new(answer.Task), isRepeatable: true);
        using var hangUp = new CancellationTokenSource();
        var impatient = batches.RunAsync(1, hangUp.Token);
        var patient = batches.RunAsync(2, Cancel);

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient.WaitAsync(s_patience, Cancel));
        answer.SetResult(["x", "x"]);
        Assert.Equal("x", await patient.WaitAsync(s_patience, Cancel));
    }

    [Fact]
    public async Task What_is_wrong_with_one_read_fails_its_own_caller_only()
    {
        var batches = new RequestBatcher<int, string>(Echo, isRepeatable: true);

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
        var batches = new RequestBatcher<int, string>(Fail, isRepeatable: false);

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
        var batches = new RequestBatcher<int, string>(Note, isRepeatable: false);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => batches.RunAsync(1, new(canceled: true)));
        await batches.RunAsync(2, Cancel).WaitAsync(s_patience, Cancel);

        Assert.Equal([2], seen);

        ValueTask<IReadOnlyList<string>> Note(IReadOnlyList<int> items)
        {
            items.ToList().ForEach(seen.Enqueue);
            return new([.. items.Select(item => $"{item}")]);
        }
    }
}
