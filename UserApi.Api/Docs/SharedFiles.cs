using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using UserApi.Api.Http;

namespace UserApi.Api.Docs;

/// <summary>
/// The OpenAPI document and the files of Swagger UI, each compressed once per content coding and kept, so that all clients get the same
/// bytes. Swagger UI's own middleware unpacks 1.6 MB for each request, and keeps them in memory for each client that does not read.
/// </summary>
internal sealed class SharedFiles
{
    private static readonly FrozenSet<string> s_names = FrozenSet.Create(
        StringComparer.Ordinal,
        "index.html", "index.css", "index.js", "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-16x16.png", "favicon-32x32.png");

    private readonly ConcurrentDictionary<(string Name, ContentCoding? Coding), SharedFile> _files = new();

    /// <summary>Serves GET and HEAD for each of the files of Swagger UI below <paramref name="path"/>, and nothing else there.</summary>
    public void UseSwaggerFiles(IApplicationBuilder app, string path) => app.Use((http, next) =>
    {
        if (!http.Request.Path.StartsWithSegments(path, out var rest) || rest.Value is null or "" or "/")
        {
            return next(http);
        }

        var name = rest.Value[1..];
        if (s_names.Contains(name) && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)))
        {
            return SendAsync(http, name, () => SharedFile.MakeAsync(http, next));
        }

        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    });

    /// <summary>Serves GET and HEAD.</summary>
    /// <param name="http">The request.</param>
    /// <param name="name">The name of the file.</param>
    /// <param name="make">Loads the file, if it is not kept for this client's content coding yet.</param>
    public async Task SendAsync(HttpContext http, string name, Func<Task<SharedFile>> make)
    {
        var coding = ContentCoding.Choose(http.Request);
        if (!_files.TryGetValue((name, coding), out var file))
        {
            file = _files.GetOrAdd((name, coding), (await make()).Encode(coding));
        }

        await file.SendAsync(http);
    }
}

/// <summary>A file.</summary>
/// <param name="Headers">The headers of its response.</param>
/// <param name="Body">Its bytes.</param>
internal sealed record SharedFile(KeyValuePair<string, StringValues>[] Headers, ReadOnlyMemory<byte> Body)
{
    /// <summary>Loads a file from the response of the rest of the pipeline.</summary>
    public static async Task<SharedFile> MakeAsync(HttpContext http, RequestDelegate next)
    {
        var (request, response) = (http.Request, http.Response);
        var (method, known, accepted, sink) = (request.Method, request.Headers.IfNoneMatch, request.Headers.AcceptEncoding, response.Body);
        var body = new MemoryStream();
        (request.Method, request.Headers.IfNoneMatch, request.Headers.AcceptEncoding, response.Body) = (HttpMethods.Get, default, default, body);
        try
        {
            await next(http);
        }
        finally
        {
            (request.Method, request.Headers.IfNoneMatch, request.Headers.AcceptEncoding, response.Body) = (method, known, accepted, sink);
        }

        return new([.. response.Headers], body.ToArray());
    }

    /// <summary>Compresses the file, unless that saves hardly anything, as with pictures. Each form has its own entity tag (RFC 9110 section 8.8.3.3).</summary>
    public SharedFile Encode(ContentCoding? coding)
    {
        var compressed = coding?.Compress(Body.Span, CompressionLevel.Optimal);
        var isCompressed = compressed is { } shorter && shorter.Length < Body.Length * 9L / 10;
        var body = isCompressed ? compressed!.Value : Body;
        var tag = Convert.ToHexStringLower(SHA256.HashData(body.Span).AsSpan(0, 16));
        return new(
            [
                .. Headers,
                new(HeaderNames.ETag, $"\"{tag}\""),
                new(HeaderNames.Vary, HeaderNames.AcceptEncoding),
                new(HeaderNames.ContentEncoding, isCompressed ? coding!.Name : default(StringValues)),
            ],
            body);
    }

    /// <summary>Serves GET and HEAD.</summary>
    public Task SendAsync(HttpContext http)
    {
        var response = http.Response;
        foreach (var (name, value) in Headers)
        {
            response.Headers[name] = value;
        }

        if (IsKnown(http.Request.Headers.IfNoneMatch, response.Headers.ETag.ToString()))
        {
            response.ContentLength = null;
            response.Headers.ContentEncoding = default;
            response.StatusCode = StatusCodes.Status304NotModified;
            return Task.CompletedTask;
        }

        response.ContentLength = Body.Length;
        return response.SendAsync(Body);
    }

    private static bool IsKnown(StringValues ifNoneMatch, string tag) =>
        EntityTagHeaderValue.TryParseList(ifNoneMatch, out var known)
        && known.Any(each => each.Tag == "*" || each.Compare(new(tag), useStrongComparison: false));
}
