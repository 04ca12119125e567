using Microsoft.AspNetCore.Http.Timeouts;

namespace UserApi.Api.Http;

/// <summary>Answers 503 where a request takes longer than <see cref="LimitOptions.RequestTimeout"/>, by ASP.NET Core's own request timeouts.</summary>
internal static class RequestTimeouts
{
    public static void Configure(RequestTimeoutOptions timeouts, LimitOptions limits) => timeouts.DefaultPolicy = new()
    {
        Timeout = limits.RequestTimeout,
        TimeoutStatusCode = StatusCodes.Status503ServiceUnavailable,
        WriteTimeoutResponse = async http =>
        {
            // Nothing can be written under the token that timed out. The answer has as long again to be read.
            using var timeout = new CancellationTokenSource(limits.RequestTimeout);
            http.RequestAborted = timeout.Token;
            var isRead = HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method);
            var problem = isRead
                ? new Problem(http.Response.StatusCode, "The request took too long. Try again later.")
                : Problem.OutcomeUnknown;
            await problem.ExecuteAsync(http);
        },
    };
}
