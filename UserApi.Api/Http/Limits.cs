using System.IO.Pipelines;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Timeouts;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Options;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace UserApi.Api.Http;

/// <summary>Keeps the process within <see cref="LimitOptions"/>, with ASP.NET Core's own timeouts, rate limiter and server limits.</summary>
internal static class Limits
{
    public static void AddLimits(this IHostApplicationBuilder builder)
    {
        var services = builder.Services;
        services.AddOptionsWithValidateOnStart<LimitOptions, LimitOptionsValidator>().BindConfiguration(LimitOptions.SectionName);

        services.AddRequestTimeouts();
        Configure<RequestTimeoutOptions>((timeouts, limits) => timeouts.DefaultPolicy = new()
        {
            Timeout = limits.RequestTimeout,
            TimeoutStatusCode = StatusCodes.Status503ServiceUnavailable,
            WriteTimeoutResponse = http =>
            {
                // The one that timed out: nothing more can be written under it.
                http.RequestAborted = CancellationToken.None;
                var isRead = HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method);
                var detail = "The request took too long" + (isRead ? "." : "; the change may have been applied all the same.");
                return new Problem(http.Response.StatusCode, detail).ExecuteAsync(http);
            },
        });

        services.AddRateLimiter(_ => { });
        Configure<RateLimiterOptions>((limiter, limits) =>
        {
            limiter.GlobalLimiter = CreateLimiter(limits);
            limiter.OnRejected = (rejected, _) => new(Reject(rejected).ExecuteAsync(rejected.HttpContext));
        });

        Configure<KestrelServerOptions>((kestrel, limits) =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = limits.MaxConnections;
            kestrel.Limits.MaxRequestBodySize = limits.MaxBodyBytes;
            kestrel.Limits.RequestHeadersTimeout = limits.RequestTimeout;
        });
        Configure<HostOptions>((host, limits) => host.ShutdownTimeout = limits.ShutdownTimeout);
        services.AddHostedService<Drain>();
        services.AddSingleton<IConnectionListenerFactory, DrainingListenerFactory>();

        void Configure<T>(Action<T, LimitOptions> configure) where T : class =>
            services.AddOptions<T>().Configure<IOptions<LimitOptions>>((options, limits) => configure(options, limits.Value));
    }

    public static void UseLimits(this WebApplication app)
    {
        app.Use(async (http, next) =>
        {
            await ReceiveBodyAsync(http);
            await next(http);

            // The rate limiter says nothing of a request whose time runs out in the queue: that would be an empty 200.
            if (http.Response is { HasStarted: false, StatusCode: StatusCodes.Status200OK })
            {
                http.RequestAborted.ThrowIfCancellationRequested();
            }
        });
        app.UseRateLimiter();
    }

    /// <summary>Waits for the body, in the server's own buffer: a client that sends it slowly must not hold a turn that others wait for.</summary>
    private static async ValueTask ReceiveBodyAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
        {
            return;
        }

        // Not by a token: a read that is given up that way never ends for the server, which reports it as an error of ours.
        var reader = http.Request.BodyReader;
        using var _ = http.RequestAborted.UnsafeRegister(static state => ((PipeReader)state!).CancelPendingRead(), reader);
        try
        {
            bool isCompleted;
            do
            {
                var read = await reader.ReadAsync(CancellationToken.None);
                isCompleted = read.IsCompleted;
                reader.AdvanceTo(read.Buffer.Start, isCompleted ? read.Buffer.Start : read.Buffer.End);
                http.RequestAborted.ThrowIfCancellationRequested();
            }
            while (!isCompleted);
        }
        catch (IOException e) when (e is not BadHttpRequestException)
        {
            // The length of a chunk that fits in no number, or a client that went away
            throw new BadHttpRequestException(e.Message, e);
        }
    }

    private static PartitionedRateLimiter<HttpContext> CreateLimiter(LimitOptions limits)
    {
        var queue = PartitionedRateLimiter.Create<HttpContext, int>(_ => RateLimitPartition.GetConcurrencyLimiter(0, _ => new()
        {
            PermitLimit = limits.MaxConcurrentRequests,
            QueueLimit = limits.MaxQueuedRequests,
        }));
        if (limits.RequestsPerSecondPerCaller == 0)
        {
            return queue;
        }

        var perCaller = PartitionedRateLimiter.Create<HttpContext, string>(http =>
            RateLimitPartition.GetTokenBucketLimiter(Caller(http), _ => new()
            {
                TokenLimit = limits.BurstPerCaller,
                TokensPerPeriod = limits.RequestsPerSecondPerCaller,
                ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            }));
        return PartitionedRateLimiter.CreateChained(perCaller, queue);
    }

    private static string Caller(HttpContext http) =>
        http.User.FindFirst("sub") is { } subject ? $"sub {subject.Value}" : $"ip {http.Connection.RemoteIpAddress}";

    // Only the token bucket knows when to come back: without that, it is the queue that is full.
    private static Problem Reject(OnRejectedContext rejected) => rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var wait)
        ? new(StatusCodes.Status429TooManyRequests, "This caller makes too many requests.") { RetryAfter = (int)Math.Ceiling(wait.TotalSeconds) }
        : new(StatusCodes.Status503ServiceUnavailable, "Too many requests are being worked on.");
}
