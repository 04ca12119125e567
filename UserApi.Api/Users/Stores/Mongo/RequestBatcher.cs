using System.Collections.Concurrent;
using System.Diagnostics;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// Batches operations on single users into one command. An operation costs the driver as much for fifty users as for one, so under load
/// operations that wait for a CPU are sent together; when no others wait, an operation is sent alone and at once. There is no timer.
/// </summary>
/// <param name="operation">The operation's name, for spans.</param>
/// <param name="executeAsync">
/// Carries out a batch within the store's timeout and completes each of its requests. An exception that it throws is the failure of the
/// requests that it has not completed.
/// </param>
internal sealed class RequestBatcher<TItem, TResult>(
    string operation, Func<IReadOnlyList<RequestBatcher<TItem, TResult>.Request>, ValueTask> executeAsync) : IThreadPoolWorkItem
{
    private const int MaxSize = 64;

    private readonly ConcurrentQueue<Request> _waiting = new();
    private int _isScheduled;

    /// <summary>Carries out an operation, which begins after this call. Cancelling ends the wait; an operation that was not sent yet is not sent.</summary>
    public Task<TResult> RunAsync(TItem item, CancellationToken cancellationToken)
    {
        var request = new Request(item, BatchSpans.IsEnabled ? Activity.Current : null, cancellationToken);
        _waiting.Enqueue(request);
        Schedule();
        return request.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Sends all operations that are waiting when the thread pool runs this.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        // A full fence: a request whose Schedule still reads 1 was enqueued early enough to be found below.
        Interlocked.Exchange(ref _isScheduled, 0);
        var batch = new List<Request>();
        while (batch.Count < MaxSize && _waiting.TryDequeue(out var request))
        {
            if (!request.IsCancelled)
            {
                batch.Add(request);
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

    private async Task SendAsync(List<Request> batch)
    {
        using var spans = BatchSpans.Start(operation, batch);
        try
        {
            await executeAsync(batch);
        }
        catch (Exception e)
        {
            spans?.Fail(e);

            // A copy for each caller, because one exception that is thrown in several places gets a mixed stack trace.
            batch.ForEach(request => request.TrySetException((e as StoreUnavailableException)?.Copy() ?? e));
        }
    }

    /// <summary>One caller's operation.</summary>
    internal sealed class Request(TItem item, Activity? activity, CancellationToken cancellationToken)
        : TaskCompletionSource<TResult>(TaskCreationOptions.RunContinuationsAsynchronously), IBatchedRequest
    {
        /// <summary>The id or the write of the operation.</summary>
        public TItem Item { get; } = item;

        /// <inheritdoc/>
        public Activity? Activity { get; } = activity;

        /// <summary>Whether the caller has cancelled.</summary>
        public bool IsCancelled => cancellationToken.IsCancellationRequested;
    }
}
