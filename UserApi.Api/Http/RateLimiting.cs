using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>Bounds how many requests a second each caller may make, by ASP.NET Core's own rate limiter. Off unless it is configured.</summary>
internal static class RateLimiting
{
    public static void Configure(RateLimiterOptions limiter, LimitOptions limits)
    {
        // The only limiter there is: the middleware asks one that refuses a second time, and with it every other that has let the request pass.
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, Caller>(http =>
            RateLimitPartition.GetTokenBucketLimiter(Caller.Of(http), _ => new()
            {
                TokenLimit = limits.BurstPerCaller,
                TokensPerPeriod = limits.RequestsPerSecondPerCaller,
                ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            }));
        limiter.OnRejected = (rejected, _) => new(Reject(rejected).ExecuteAsync(rejected.HttpContext));
    }

    /// <summary>Counts each request for its caller: after authentication, which says who that is, and before authorization, so that a refused one counts.</summary>
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
