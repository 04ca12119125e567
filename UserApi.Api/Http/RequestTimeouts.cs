using Microsoft.AspNetCore.Http.Timeouts;

namespace UserApi.Api.Http;

/// <summary>Answers 503 where a request takes longer than <see cref="LimitOptions.RequestTimeout"/>, by ASP.NET Core's own request timeouts.</summary>
internal static class RequestTimeouts
{
    public static void Configure(RequestTimeoutOptions timeouts, LimitOptions limits) => timeouts.DefaultPolicy = new()
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
    };
}
