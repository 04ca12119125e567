namespace UserApi.Tests.Infrastructure;

/// <summary>Makes operations wait for a processor together. The thread pool is the process's, so nothing else may run meanwhile.</summary>
internal static class Together
{
    /// <summary>Starts all operations while every thread of the pool is taken, which makes it certain that all wait when the first one is free.</summary>
    public static async Task<T[]> StartAsync<T>(int operations, Func<int, Task<T>> start)
    {
        // Not on a thread of the pool: it would be one of those that are taken.
        var started = Task.Factory.StartNew(Start, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return await Task.WhenAll(await started);

        Task<T>[] Start()
        {
            ThreadPool.GetMinThreads(out var threads, out _);
            ThreadPool.GetMaxThreads(out var mostThreads, out var mostPorts);
            Assert.True(ThreadPool.SetMaxThreads(threads, mostPorts)); // otherwise the pool makes a new thread for those that are taken
            try
            {
                var gate = new Lock();
                lock (gate)
                {
                    var taken = 0;
                    for (var i = 0; i < threads; i++)
                    {
                        ThreadPool.QueueUserWorkItem(_ =>
                        {
                            Interlocked.Increment(ref taken);
                            lock (gate)
                            {
                                // Waits until all are started.
                            }
                        });
                    }

                    Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref taken) == threads, TimeSpan.FromSeconds(10)));
                    return [.. Enumerable.Range(0, operations).Select(start)];
                }
            }
            finally
            {
                ThreadPool.SetMaxThreads(mostThreads, mostPorts);
            }
        }
    }
}
