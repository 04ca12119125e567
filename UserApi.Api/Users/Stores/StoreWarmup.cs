namespace UserApi.Api.Users.Stores;

/// <summary>
/// Makes the store while the process starts: a file that cannot be used ends it at once. A database that cannot be reached does not;
/// asking it now opens the first connection before the first request needs it. Then the indexes are made, until they are there.
/// </summary>
internal sealed partial class StoreWarmup(IUserStore store, StoreHealthCheck health, ILogger<StoreWarmup> logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    /// <exception cref="DuplicateEmailsException">The stored users break a rule of the configuration: the host ends.</exception>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await health.CheckAsync(stoppingToken);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await store.MakeIndexesAsync(stoppingToken);
                return;
            }
            catch (StoreUnavailableException e)
            {
                if (attempt == 1)
                {
                    LogUnavailable(e.Reason ?? (e.InnerException ?? e).GetType().Name);
                }

                await Task.Delay(s_pause, stoppingToken);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "The indexes of users cannot be made now ({Reason}). The process goes on trying; searches are not answered until then.")]
    private partial void LogUnavailable(string reason);
}
