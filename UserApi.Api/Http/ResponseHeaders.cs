using Microsoft.AspNetCore.HostFiltering;

namespace UserApi.Api.Http;

/// <summary>The headers that every response has, and the body that every error has, whoever writes it.</summary>
internal static class ResponseHeaders
{
    /// <summary>Adds them around the whole pipeline, host filtering included.</summary>
    public static void AddResponseHeaders(this IHostApplicationBuilder builder)
    {
        builder.Services.Insert(0, ServiceDescriptor.Transient<IStartupFilter, Outermost>()); // The first filter is the outermost.

        // What the framework says to a host that is not allowed is a page for people.
        builder.Services.Configure<HostFilteringOptions>(hosts => hosts.IncludeFailureMessage = false);
    }

    // As the response starts: an exception handler clears the headers that were set before.
    private static Task SetAsync(object state)
    {
        var response = ((HttpContext)state).Response;
        var headers = response.Headers;

        // No response may be taken for a page or a script because of what a client put into it.
        headers.XContentTypeOptions = "nosniff";

        // No shared cache may keep a response, and a private one must ask before it uses what it has: then ETag costs little (RFC 9111).
        // The exception handler says "no-store", which tells clients nothing that they need.
        if (headers.CacheControl.Count == 0 || (response.StatusCode >= StatusCodes.Status400BadRequest && response.ContentType == Problem.ContentType))
        {
            headers.CacheControl = "private, no-cache";
        }

        return Task.CompletedTask;
    }

    private sealed class Outermost : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(static (http, next) =>
            {
                http.Response.OnStarting(SetAsync, http);
                return next(http);
            });
            app.UseStatusProblems();
            next(app);
        };
    }
}
