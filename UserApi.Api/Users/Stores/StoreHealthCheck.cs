using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// Asks the store for a sign of life on behalf of everybody who asks, <c>/health</c> and <c>/</c>: probes at the same time share one question,
/// so that thousands of them cost the database one connection. No answer outlives its question, which is under way for 1 s at the most.
/// </summary>
internal sealed class StoreHealthCheck(IUserStore store) : IHealthCheck
{
    private static readonly TimeSpan s_budget = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private Task<HealthCheckResult>? _answer;

    /// <summary>What callers will meet now, with the reason as its description.</summary>
    /// <param name="cancellationToken">Gives up waiting; others wait on.</param>
    public Task<HealthCheckResult> CheckAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_answer is null or { IsCompleted: true })
            {
                // It is nobody's own: neither its trace nor its end is that of the first to ask.
                using var _ = ExecutionContext.SuppressFlow();
                _answer = Task.Run(AskAsync, CancellationToken.None);
            }

            return _answer.WaitAsync(cancellationToken);
        }
    }

    Task<HealthCheckResult> IHealthCheck.CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken) =>
        CheckAsync(cancellationToken);

    private async Task<HealthCheckResult> AskAsync()
    {
        using var budget = new CancellationTokenSource(s_budget);
        try
        {
            await store.PingAsync(budget.Token).AsTask().WaitAsync(budget.Token);
            return HealthCheckResult.Healthy(store.SystemName);
        }
        catch (StoreUnavailableException e)
        {
            return HealthCheckResult.Unhealthy(e.Reason ?? $"{store.SystemName} does not answer.");
        }
        catch (OperationCanceledException)
        {
            return HealthCheckResult.Unhealthy($"{store.SystemName} does not answer within {s_budget.TotalSeconds} s.");
        }
    }
}
