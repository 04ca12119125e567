namespace UserApi.Tests.Infrastructure;

/// <summary>Makes operations wait for a thread together. All tests share the thread pool, so no other test may run meanwhile.</summary>
internal static class Together
{
    /// <summary>Starts all operations while every pool thread is blocked, so that all of them wait when the first thread is free.</summary>
    public static async Task<T[]> StartAsync<T>(int operations, Func<int, Task<T>> start)
    {
        // Not on a pool thread, which would be one of the blocked ones.
        var started = Task.Factory.StartNew(Start, TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return await Task.WhenAll(await started);

        Task<T>[] Start()
        {
            ThreadPool.GetMinThreads(out var threads, out _);
            ThreadPool.GetMaxThreads(out var mostThreads, out var mostPorts);
            Assert.True(ThreadPool.SetMaxThreads(threads, mostPorts)); // otherwise the pool adds threads for the blocked ones
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
                                // Blocks until all operations are started.
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
