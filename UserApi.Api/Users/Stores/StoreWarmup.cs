using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// Checks the store during the start, which opens the first connection before the first request needs it; an unreachable database does not stop
/// the process. Then makes the indexes, in the background, and keeps them.
/// </summary>
internal sealed class StoreWarmup(IUserStore store, StoreHealthCheck health, TimeProvider clock, ILogger<StoreWarmup> logger) : BackgroundService
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly FailureLog _failures = new(logger, "The indexes of users cannot be made. Searches are 503 until they are", clock);

    /// <exception cref="DuplicateEmailsException">The stored users break a rule of the configuration: the host stops.</exception>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var hasIndexes = false; ;)
        {
            var pause = s_pause;

            // A store that does not respond logs that itself.
            if ((await health.CheckAsync(stoppingToken)).Status == HealthStatus.Healthy)
            {
                try
                {
                    pause = await store.MakeIndexesAsync(stoppingToken);
                    _failures.Succeeded();
                    hasIndexes = true;
                }
                catch (StoreUnavailableException e)
                {
                    _failures.Failed(e.Reason ?? (e.InnerException ?? e).GetType().Name);
                }
                catch (DuplicateEmailsException e) when (hasIndexes)
                {
                    // The service is in use by now, and most of it works.
                    _failures.Failed(e.Message);
                }
            }

            await Task.Delay(pause, stoppingToken);
        }
    }
}
