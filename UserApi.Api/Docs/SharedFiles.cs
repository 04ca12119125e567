using System.Collections.Concurrent;
using System.Collections.Frozen;
using Microsoft.Extensions.Primitives;
using UserApi.Api.Http;

namespace UserApi.Api.Docs;

/// <summary>
/// The files of Swagger UI, each loaded once and kept, so that all clients get the same bytes. Swagger UI's own middleware unpacks 1.6 MB
/// for each request, and keeps them in memory for each client that does not read.
/// </summary>
internal static class SharedFiles
{
    private static readonly FrozenSet<string> s_names = FrozenSet.Create(
        StringComparer.Ordinal,
        "index.html", "index.css", "index.js", "swagger-ui.css", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "favicon-16x16.png", "favicon-32x32.png");

    /// <summary>Serves GET and HEAD for each of the files below <paramref name="path"/>, and nothing else there.</summary>
    public static void UseSharedFiles(this IApplicationBuilder app, string path)
    {
        var files = new ConcurrentDictionary<(string Name, bool IsCompressed), SharedFile>();
        app.Use((http, next) =>
        {
            if (!http.Request.Path.StartsWithSegments(path, out var rest) || rest.Value is null or "" or "/")
            {
                return next(http);
            }

            var name = rest.Value[1..];
            if (s_names.Contains(name) && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)))
            {
                return SendAsync(http, next, name);
            }

            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });

        async Task SendAsync(HttpContext http, RequestDelegate next, string name)
        {
            var isCompressed = http.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase);
            if (!files.TryGetValue((name, isCompressed), out var file))
            {
                file = files.GetOrAdd((name, isCompressed), await SharedFile.MakeAsync(http, next));
            }

            await file.SendAsync(http);
        }
    }

    private sealed record SharedFile(KeyValuePair<string, StringValues>[] Headers, byte[] Body)
    {
        public static async Task<SharedFile> MakeAsync(HttpContext http, RequestDelegate next)
        {
            var (method, known, response) = (http.Request.Method, http.Request.Headers.IfNoneMatch, http.Response.Body);
            var body = new MemoryStream();
            (http.Request.Method, http.Request.Headers.IfNoneMatch, http.Response.Body) = (HttpMethods.Get, default, body);
            try
            {
                await next(http);
            }
            finally
            {
                (http.Request.Method, http.Request.Headers.IfNoneMatch, http.Response.Body) = (method, known, response);
            }

            return new([.. http.Response.Headers], body.ToArray());
        }

        public Task SendAsync(HttpContext http)
        {
            var response = http.Response;
            foreach (var (name, value) in Headers)
            {
                response.Headers[name] = value;
            }

            if (response.Headers.ETag == http.Request.Headers.IfNoneMatch)
            {
                response.ContentLength = null;
                response.StatusCode = StatusCodes.Status304NotModified;
                return Task.CompletedTask;
            }

            response.ContentLength = Body.Length;
            return response.SendAsync(Body);
        }
    }
}
