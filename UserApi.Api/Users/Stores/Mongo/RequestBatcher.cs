using System.Collections.Concurrent;
using OpenTelemetry;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// Joins operations on single users into one command. An operation costs the driver as much for fifty users as for one, so under load
/// what waits for a processor anyway is sent together; when nothing waits, an operation goes out alone and at once. There is no timer.
/// </summary>
/// <param name="executeAsync">Carries out a batch within the store's time limit; answers in the order of its items.</param>
/// <param name="isRepeatable">
/// Whether a batch that fails for another reason than a store that cannot answer is repeated one by one: what is wrong with one item, such
/// as a document that cannot be read, is then no other caller's business.
/// </param>
internal sealed class RequestBatcher<TItem, TResult>(
    Func<IReadOnlyList<TItem>, ValueTask<IReadOnlyList<TResult>>> executeAsync, bool isRepeatable) : IThreadPoolWorkItem
{
    private const int MaxSize = 64;

    private readonly ConcurrentQueue<Operation> _waiting = new();
    private int _isScheduled;

    /// <summary>Carries out an operation, which begins after this call. Cancelling gives up waiting for it; before it was sent, it is not sent.</summary>
    public Task<TResult> RunAsync(TItem item, CancellationToken cancellationToken)
    {
        var operation = new Operation(item, cancellationToken);
        _waiting.Enqueue(operation);
        Schedule();
        return operation.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Sends what has gathered by the time that the thread pool gets here.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        // A full fence: whoever enqueues and still sees 1 has enqueued early enough to be found below.
        Interlocked.Exchange(ref _isScheduled, 0);
        var batch = new List<Operation>();
        while (batch.Count < MaxSize && _waiting.TryDequeue(out var operation))
        {
            if (!operation.IsCancelled)
            {
                batch.Add(operation);
            }
        }

        if (!_waiting.IsEmpty)
        {
            Schedule();
        }

        if (batch.Count > 0)
        {
            _ = SendAsync(batch);
        }
    }

    private void Schedule()
    {
        if (Interlocked.Exchange(ref _isScheduled, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private async Task SendAsync(List<Operation> batch)
    {
        // A span of this command would belong to none of the requests.
        using var _ = SuppressInstrumentationScope.Begin();
        try
        {
            var results = await executeAsync([.. batch.Select(operation => operation.Item)]);
            for (var i = 0; i < batch.Count; i++)
            {
                batch[i].SetResult(results[i]);
            }
        }
        catch (Exception e) when (isRepeatable && batch.Count > 1 && e is not StoreUnavailableException)
        {
            await Task.WhenAll(batch.Select(operation => SendAsync([operation])));
        }
        catch (Exception e)
        {
            // One for each caller: an exception that is thrown in several places at once garbles its stack trace.
            batch.ForEach(operation => operation.SetException(
                e is StoreUnavailableException u ? new StoreUnavailableException(u.MayHaveBeenApplied, u.InnerException) : e));
        }
    }

    private sealed class Operation(TItem item, CancellationToken cancellationToken)
        : TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public TItem Item { get; } = item;

        public bool IsCancelled => cancellationToken.IsCancellationRequested;
    }
}
