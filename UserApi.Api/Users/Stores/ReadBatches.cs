using System.Collections.Concurrent;
using OpenTelemetry;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// Joins reads of single users into one command. An operation costs the driver as much for fifty users as for one, so under load the
/// reads that wait for a processor anyway are sent together; when nothing waits, a read goes out alone and at once. There is no timer.
/// </summary>
/// <param name="findAsync">Finds the users that there are among these ids, in any order, within the store's time limit.</param>
internal sealed class ReadBatches(Func<IReadOnlyCollection<string>, ValueTask<IReadOnlyList<User>>> findAsync) : IThreadPoolWorkItem
{
    private const int MaxSize = 64;

    private readonly ConcurrentQueue<Read> _waiting = new();
    private int _isScheduled;

    /// <summary>Finds a user; null when there is none. What is found was there after the call began.</summary>
    public Task<User?> FindAsync(UserId id, CancellationToken cancellationToken)
    {
        var read = new Read(id.Value);
        _waiting.Enqueue(read);
        Schedule();
        return read.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Sends what has gathered by the time that the thread pool gets here.</summary>
    void IThreadPoolWorkItem.Execute()
    {
        Volatile.Write(ref _isScheduled, 0);
        var reads = new List<Read>();
        while (reads.Count < MaxSize && _waiting.TryDequeue(out var read))
        {
            reads.Add(read);
        }

        if (!_waiting.IsEmpty)
        {
            Schedule();
        }

        if (reads.Count > 0)
        {
            _ = SendAsync(reads);
        }
    }

    private void Schedule()
    {
        if (Interlocked.Exchange(ref _isScheduled, 1) == 0)
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    private async Task SendAsync(List<Read> reads)
    {
        // A span of this command would belong to none of the requests.
        using var _ = SuppressInstrumentationScope.Begin();
        try
        {
            var ids = new HashSet<string>(reads.Select(read => read.Id));
            var users = (await findAsync(ids)).ToDictionary(user => user.Id);
            reads.ForEach(read => read.SetResult(users.GetValueOrDefault(read.Id)));
        }
        catch (StoreUnavailableException e)
        {
            reads.ForEach(read => read.SetException(new StoreUnavailableException(e.MayHaveBeenApplied, e.InnerException)));
        }
        catch (Exception e)
        {
            reads.ForEach(read => read.SetException(e));
        }
    }

    private sealed class Read(string id) : TaskCompletionSource<User?>(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        public string Id { get; } = id;
    }
}
