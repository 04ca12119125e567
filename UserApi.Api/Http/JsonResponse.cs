using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace UserApi.Api.Http;

internal static class JsonResponse
{
    /// <summary>Writes a body whose length is known, so that GET and HEAD send the same <c>Content-Length</c> and nothing is chunked.</summary>
    public static Task WriteJsonAsync<T>(this HttpResponse response, T value, JsonTypeInfo<T> type, string contentType, ContentCoding? coding = null)
    {
        ReadOnlyMemory<byte> body = JsonSerializer.SerializeToUtf8Bytes(value, type);
        if (coding is not null)
        {
            // The next level takes two to six times as long and saves little more: docs/api.md has the figures.
            body = coding.Compress(body.Span, CompressionLevel.Fastest);
            response.Headers.ContentEncoding = coding.Name;
        }

        response.ContentType = contentType;
        response.ContentLength = body.Length;
        return response.SendAsync(body);
    }

    /// <summary>
    /// Sends a body no faster than the client reads it: while the client reads nothing, no more than two pieces of the body are copied. The
    /// connection is closed when the client has not read the body before the request's time is up.
    /// </summary>
    public static async Task SendAsync(this HttpResponse response, ReadOnlyMemory<byte> body)
    {
        const int Piece = 64 * 1024;
        var http = response.HttpContext;
        try
        {
            do
            {
                var length = Math.Min(body.Length, Piece);
                await response.BodyWriter.WriteAsync(body[..length], http.RequestAborted);
                body = body[length..];
            }
            while (!body.IsEmpty);
        }
        catch (OperationCanceledException) when (response.HasStarted)
        {
            http.Abort();
        }
    }
}
