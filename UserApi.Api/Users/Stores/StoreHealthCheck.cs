using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// Checks the store for all probes, <c>/health</c> and <c>/</c>: only one check runs at a time, and the probes that arrive meanwhile share its
/// result, so that thousands of them cost the database one connection. Later probes start a new check.
/// </summary>
/// <remarks>
/// A check may take as long as any other operation (<see cref="StoreOptions.Timeout"/>), even if nobody waits for it any more: only then does
/// the store know what is wrong, and cancelling a command would close its connection.
/// </remarks>
internal sealed class StoreHealthCheck(IUserStore store) : IHealthCheck
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<HealthCheckResult>? _answer;
    private volatile string? _reason;

    /// <summary>Returns within 1 s whether the store works, and if not, the reason as the description.</summary>
    /// <param name="cancellationToken">Ends the wait of this probe only.</param>
    public async Task<HealthCheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await AskAsync().WaitAsync(s_timeout, cancellationToken);
        }
        catch (TimeoutException)
        {
            return HealthCheckResult.Unhealthy(_reason ?? $"{store.SystemName} does not answer within {s_timeout.TotalSeconds} s.");
        }
    }

    Task<HealthCheckResult> IHealthCheck.CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
        CheckAsync(cancellationToken);

    private Task<HealthCheckResult> AskAsync()
    {
        lock (_lock)
        {
            if (_answer is null or { IsCompleted: true })
            {
                // The check must not belong to the trace of the first probe, nor be cancelled with it.
                using var _ = ExecutionContext.SuppressFlow();
                _answer = PingAsync();
            }

            return _answer;
        }
    }

    private async Task<HealthCheckResult> PingAsync()
    {
        await Task.Yield(); // continues outside the lock and the first probe's execution context
        try
        {
            await store.PingAsync(CancellationToken.None);
            _reason = null;
            return HealthCheckResult.Healthy(store.SystemName);
        }
        catch (StoreUnavailableException e)
        {
            _reason = e.Reason ?? $"{store.SystemName} does not answer.";
            return HealthCheckResult.Unhealthy(_reason);
        }
    }
}
