using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>Limits the requests per second of each caller, by ASP.NET Core's rate limiter. Off by default.</summary>
internal static class RateLimiting
{
    public static void Configure(RateLimiterOptions limiter, LimitOptions limits)
    {
        // It must stay the only limiter: the middleware calls a limiter that refuses twice, and with it all others that have let the request pass.
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, Caller>(http =>
            RateLimitPartition.GetTokenBucketLimiter(Caller.Of(http), _ => new()
            {
                TokenLimit = limits.BurstPerCaller,
                TokensPerPeriod = limits.RequestsPerSecondPerCaller,
                ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            }));
        limiter.OnRejected = (rejected, _) => new(Reject(rejected).ExecuteAsync(rejected.HttpContext));
    }

    /// <summary>Counts each request for its caller: after authentication, which identifies the caller, and before authorization, so that refused requests count.</summary>
    public static void UseRateLimiting(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<LimitOptions>>().Value.RequestsPerSecondPerCaller > 0)
        {
            app.UseRateLimiter();
        }
    }

    private static Problem Reject(OnRejectedContext rejected) =>
        Problem.RateLimited with
        {
            RetryAfter = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? (int)Math.Ceiling(wait.TotalSeconds) : 1,
        };
}
