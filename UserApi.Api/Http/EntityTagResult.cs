using System.Text.Json.Serialization.Metadata;

namespace UserApi.Api.Http;

/// <summary>A response with an entity tag (RFC 9110 section 8.8.3), without a body.</summary>
/// <param name="status">The HTTP status code.</param>
/// <param name="tag">The opaque part of the tag, without quotes.</param>
/// <param name="coding">
/// How the body is compressed. The tag then is weak: a strong one names the very bytes, and must not be that of the body that is not compressed,
/// too (RFC 9110 section 8.8.3.3).
/// </param>
internal class EntityTagResult(int status, string tag, ContentCoding? coding = null) : IResult
{
    /// <inheritdoc/>
    public virtual Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = status;
        httpContext.Response.Headers.ETag = Format(tag, coding);
        return Task.CompletedTask;
    }

    /// <summary>The tag as it is sent.</summary>
    internal static string Format(string tag, ContentCoding? coding) => coding is null ? $"\"{tag}\"" : $"W/\"{tag}\"";
}

/// <summary>A response with an entity tag and the JSON body that it names.</summary>
internal sealed class EntityTagResult<T>(int status, string tag, T body, JsonTypeInfo<T> type, ContentCoding? coding = null)
    : EntityTagResult(status, tag, coding)
{
    private readonly ContentCoding? _coding = coding;

    /// <inheritdoc/>
    public override Task ExecuteAsync(HttpContext httpContext)
    {
        base.ExecuteAsync(httpContext);
        return httpContext.Response.WriteJsonAsync(body, type, "application/json; charset=utf-8", _coding);
    }
}

/// <summary>The response to a HEAD whose GET has a JSON body, without headers that depend on that body (RFC 9110 section 9.3.2).</summary>
/// <param name="tag">The opaque part of the tag, if it is known.</param>
/// <param name="coding">The content coding of the GET, if it is known.</param>
internal sealed class JsonHeadResult(string? tag = null, ContentCoding? coding = null) : IResult
{
    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        if (tag is not null)
        {
            httpContext.Response.Headers.ETag = EntityTagResult.Format(tag, coding);
            httpContext.Response.Headers.ContentEncoding = coding?.Name;
        }

        return Task.CompletedTask;
    }
}
