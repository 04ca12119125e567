namespace UserApi.Tests.Infrastructure;

/// <summary>Waits for conditions.</summary>
internal static class Poll
{
    public static async Task UntilAsync(Func<bool> condition, TimeSpan patience)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        cancel.CancelAfter(patience);
        while (!condition())
        {
            await Task.Delay(10, cancel.Token);
        }
    }
}
