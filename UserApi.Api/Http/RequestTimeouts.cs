using Microsoft.AspNetCore.Http.Timeouts;

namespace UserApi.Api.Http;

/// <summary>Responds with 503 if a request takes longer than <see cref="LimitOptions.RequestTimeout"/>, with ASP.NET Core's request timeouts.</summary>
internal static class RequestTimeouts
{
    public static void Configure(RequestTimeoutOptions timeouts, LimitOptions limits) => timeouts.DefaultPolicy = new()
    {
        Timeout = limits.RequestTimeout,
        TimeoutStatusCode = StatusCodes.Status503ServiceUnavailable,
        WriteTimeoutResponse = async http =>
        {
            // Nothing can be written with the cancelled token. The client gets as long again to read the response.
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
