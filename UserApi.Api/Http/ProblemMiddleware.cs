using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http.Features;

namespace UserApi.Api.Http;

internal static class ProblemMiddleware
{
    /// <summary>Makes every failure below it in the pipeline a <see cref="Problem"/>: exceptions, and error statuses without a body.</summary>
    /// <param name="app">The application.</param>
    /// <param name="problemFor">The problem that tells callers of an exception.</param>
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
                    // The client has gone: nobody is there to be told.
                }
            },

            // A client's mistake is no error of ours, and a store that fails has said so in one line already.
            SuppressDiagnosticsCallback = failure => problemFor(failure.Exception).Status != StatusCodes.Status500InternalServerError,
        });
        app.UseStatusCodePages(pages => new Problem(pages.HttpContext.Response.StatusCode).ExecuteAsync(pages.HttpContext));

        Problem ProblemOf(HttpContext http)
        {
            var problem = problemFor(http.Features.GetRequiredFeature<IExceptionHandlerFeature>().Error);
            return problem.Status == StatusCodes.Status413PayloadTooLarge && http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize is { } limit
                ? JsonBody.TooLarge(limit)
                : problem;
        }
    }
}
