using Microsoft.AspNetCore.HostFiltering;

namespace UserApi.Api.Http;

/// <summary>The headers that every response has, and the body that every error has, whoever writes it.</summary>
internal static class ResponseHeaders
{
    /// <summary>Adds them around the whole pipeline, host filtering included.</summary>
    public static void AddResponseHeaders(this IHostApplicationBuilder builder)
    {
        builder.Services.Insert(0, ServiceDescriptor.Transient<IStartupFilter, Outermost>()); // The first filter is the outermost.

        // The framework's response to a host that is not allowed is an HTML page.
        builder.Services.Configure<HostFilteringOptions>(hosts => hosts.IncludeFailureMessage = false);
    }

    // Set when the response starts, because the exception handler clears headers that were set before.
    private static Task SetAsync(object state)
    {
        var response = ((HttpContext)state).Response;
        var headers = response.Headers;

        // Browsers must not interpret a response as a page or a script because of its content.
        headers.XContentTypeOptions = "nosniff";

        // Shared caches must not store responses, and private caches must revalidate, which is cheap with ETag (RFC 9111).
        // The exception handler sets "no-store", which clients do not need.
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
