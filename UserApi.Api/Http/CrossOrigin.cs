using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Http;

/// <summary>Answers browsers that ask for another origin (https://fetch.spec.whatwg.org, HTTP extensions).</summary>
internal static class CrossOrigin
{
    public static void AddCrossOrigin(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<CrossOriginOptions, CrossOriginOptionsValidator>(CrossOriginOptions.SectionName);
        builder.Services.AddCors();
    }

    /// <summary>Runs before limits and authentication: a preflight request has no token, and its response costs nothing.</summary>
    public static void UseCrossOrigin(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<IOptions<CrossOriginOptions>>().Value;
        if (options.AllowedOrigins.Count == 0)
        {
            return;
        }

        app.UseCors(policy =>
        {
            policy.WithOrigins([.. options.AllowedOrigins])
                .WithMethods(HttpMethods.Get, HttpMethods.Head, HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch, HttpMethods.Delete)
                .WithHeaders(HeaderNames.Authorization, HeaderNames.ContentType, HeaderNames.IfMatch, HeaderNames.IfNoneMatch, "Prefer", HeaderNames.TraceParent)
                .WithExposedHeaders(HeaderNames.ETag, HeaderNames.Location, HeaderNames.Link, HeaderNames.RetryAfter, "Preference-Applied")
                .SetPreflightMaxAge(TimeSpan.FromHours(2)); // Chromium's maximum
            if (options.AllowCredentials)
            {
                policy.AllowCredentials();
            }
        });
    }
}
