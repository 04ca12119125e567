namespace UserApi.Tests.Infrastructure;

/// <summary>Waits for conditions.</summary>
internal static class Poll
{
    public static async Task UntilAsync(Func<bool> condition, TimeSpan timeout)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancel.CancelAfter(timeout);
        while (!condition())
        {
            await Task.Delay(10, cancel.Token);
        }
    }
}
