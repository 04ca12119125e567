using System.Collections.Concurrent;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Queues writes for one thread, which carries out all waiting writes in one transaction.</summary>
internal sealed class WriteQueue : IDisposable
{
    private const int MaxQueued = 4096;
    private const int MaxBatch = 256;

    private readonly BlockingCollection<Write> _writes = new(MaxQueued);
    private readonly WriteSession _session;
    private readonly TimeSpan _timeout;
    private readonly Thread _thread;

    /// <summary>Starts the thread.</summary>
    /// <param name="session">Carries out the writes; disposed with the queue.</param>
    /// <param name="timeout">The timeout of a write, including its wait.</param>
    public WriteQueue(WriteSession session, TimeSpan timeout)
    {
        (_session, _timeout) = (session, timeout);
        _thread = new(Run) { Name = "SQLite writer", IsBackground = true };
        _thread.Start();
    }

    /// <summary>Carries out a write after the earlier ones.</summary>
    /// <exception cref="StoreUnavailableException">The queue is full, the timeout has expired, or SQLite failed.</exception>
    public async ValueTask<WriteResult> RunAsync(Write write)
    {
        if (!_writes.TryAdd(write))
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: false);
        }

        try
        {
            return await write.Completion.Task.WaitAsync(_timeout, write.CancellationToken);
        }
        catch (TimeoutException e)
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: true, e);
        }
    }

    /// <summary>Finishes the queued writes.</summary>
    public void Dispose()
    {
        _writes.CompleteAdding();
        _thread.Join();
        _writes.Dispose();
    }

    private void Run()
    {
        using var _ = _session;
        var batch = new List<Write>(MaxBatch);
        foreach (var first in _writes.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < MaxBatch && _writes.TryTake(out var next))
            {
                batch.Add(next);
            }

            _session.Commit(batch);
            batch.Clear();
        }
    }
}
