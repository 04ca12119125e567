using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace UserApi.Api.Http;

internal static class JsonResponse
{
    /// <summary>Writes a body whose length is known, so that GET and HEAD send the same <c>Content-Length</c> and nothing is chunked.</summary>
    public static async Task WriteJsonAsync<T>(this HttpResponse response, T value, JsonTypeInfo<T> type, string contentType)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(value, type);
        response.ContentType = contentType;
        response.ContentLength = body.Length;
        await response.BodyWriter.WriteAsync(body, response.HttpContext.RequestAborted);
    }
}
