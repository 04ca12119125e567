using System.Text.Json.Serialization.Metadata;

namespace UserApi.Api.Http;

/// <summary>A response with a strong entity tag (RFC 9110 section 8.8.3), without a body.</summary>
/// <param name="status">The HTTP status code.</param>
/// <param name="tag">The opaque part of the tag, without quotes.</param>
internal class EntityTagResult(int status, string tag) : IResult
{
    /// <inheritdoc/>
    public virtual Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = status;
        httpContext.Response.Headers.ETag = $"\"{tag}\"";
        return Task.CompletedTask;
    }
}

/// <summary>A response with a strong entity tag and the JSON body that it names.</summary>
internal sealed class EntityTagResult<T>(int status, string tag, T body, JsonTypeInfo<T> type) : EntityTagResult(status, tag)
{
    /// <inheritdoc/>
    public override Task ExecuteAsync(HttpContext httpContext)
    {
        base.ExecuteAsync(httpContext);
        return httpContext.Response.WriteJsonAsync(body, type, "application/json; charset=utf-8");
    }
}

/// <summary>The response to a HEAD whose GET has a JSON body, without headers that depend on that body (RFC 9110 section 9.3.2).</summary>
/// <param name="tag">The opaque part of the tag, if it is known.</param>
internal sealed class JsonHeadResult(string? tag = null) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        if (tag is not null)
        {
            httpContext.Response.Headers.ETag = $"\"{tag}\"";
        }

        return Task.CompletedTask;
    }
}
