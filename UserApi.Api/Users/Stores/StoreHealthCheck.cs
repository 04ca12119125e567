using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// Asks the store for a sign of life on behalf of everybody who asks, <c>/health</c> and <c>/</c>: there is one question at a time, which all
/// share who ask meanwhile, so that thousands of them cost the database one connection. Nobody who asks later is given its answer.
/// </summary>
/// <remarks>
/// A question takes as long as any other operation may (<see cref="StoreOptions.Timeout"/>), also when nobody waits for it any more: only
/// then does the store know what is wrong, and giving up a command costs the connection that it was sent on.
/// </remarks>
internal sealed class StoreHealthCheck(IUserStore store) : IHealthCheck
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<HealthCheckResult>? _answer;
    private volatile string? _reason;

    /// <summary>What callers will meet now, within 1 s, with the reason as its description.</summary>
    /// <param name="cancellationToken">Gives up waiting; others wait on.</param>
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
                // It is nobody's own: neither its trace nor its end is that of the first to ask.
                using var _ = ExecutionContext.SuppressFlow();
                _answer = PingAsync();
            }

            return _answer;
        }
    }

    private async Task<HealthCheckResult> PingAsync()
    {
        await Task.Yield(); // out of the lock, and of the execution context of whoever asked first
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
