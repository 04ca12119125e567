using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace UserApi.Api.Http;

internal static class ProblemMiddleware
{
    /// <summary>
    /// Gives every error status without a body a <see cref="Problem"/>. It must come before ASP.NET Core's host filtering, whose 400 has none.
    /// </summary>
    public static void UseStatusProblems(this IApplicationBuilder app) => app.UseStatusCodePages(pages =>
    {
        // Requests with a host that is not allowed (AllowedHosts) are refused before routing; nothing else answers a bare 400.
        var status = pages.HttpContext.Response.StatusCode;
        var isHost = status == StatusCodes.Status400BadRequest && pages.HttpContext.GetEndpoint() is null;
        return new Problem(status, isHost ? "Host must be a name that this service is reached by (AllowedHosts)." : null).ExecuteAsync(pages.HttpContext);
    });

    /// <summary>Makes every exception below it in the pipeline a <see cref="Problem"/>.</summary>
    /// <param name="app">The application.</param>
    /// <param name="problemFor">Returns the problem for an exception.</param>
    public static void UseProblems(this WebApplication app, Func<Exception, Problem> problemFor)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            ExceptionHandler = async http =>
            {
                try
                {
                    await ProblemOf(http).ExecuteAsync(http);
                }
                catch (OperationCanceledException)
                {
                    // The client has disconnected.
                }
            },

            // A client's mistake is not an error of this service, and a failure of the store is already logged in one line.
            SuppressDiagnosticsCallback = failure => problemFor(failure.Exception).Status != StatusCodes.Status500InternalServerError,
        });

        Problem ProblemOf(HttpContext http)
        {
            var problem = problemFor(http.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error);
            return problem.Status == StatusCodes.Status413PayloadTooLarge && http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize is { } limit
                ? JsonBody.TooLarge(limit)
                : problem;
        }
    }
}
