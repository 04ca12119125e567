using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Net.Http.Headers;

namespace UserApi.Api.Http;

/// <summary>Reads the JSON of a request.</summary>
internal static class JsonBody
{
    private static readonly JsonElement s_null = JsonElement.Parse("null");
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    /// <summary>400: the body cannot be read.</summary>
    public static Problem Malformed { get; } = new(StatusCodes.Status400BadRequest, "The body must be valid JSON and must not name a member twice.");

    /// <summary>413: the body is too large.</summary>
    /// <param name="limit">The greatest size, in bytes.</param>
    public static Problem TooLarge(long limit) => new(StatusCodes.Status413PayloadTooLarge, $"The body must have at most {limit} bytes (Limits:MaxBodyBytes).");

    /// <summary>415: the body is of another media type.</summary>
    /// <param name="mediaType">The media type that it must have.</param>
    public static Problem Unsupported(string mediaType) => new(StatusCodes.Status415UnsupportedMediaType, $"The body must be {mediaType} in UTF-8.");

    /// <summary>Checks the <c>Content-Type</c> of a request.</summary>
    /// <param name="request">The request.</param>
    /// <param name="mediaType">The media type that it must have.</param>
    /// <param name="isOptional">Whether a request without the header may pass.</param>
    /// <param name="problem">What is wrong.</param>
    public static bool HasMediaType(HttpRequest request, string mediaType, bool isOptional, [NotNullWhen(false)] out Problem? problem)
    {
        var contentType = request.ContentType;
        var isExpected = contentType is null
            ? isOptional
            : MediaTypeHeaderValue.TryParse(contentType, out var type)
                && type.MediaType.Equals(mediaType, StringComparison.OrdinalIgnoreCase)
                && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase));
        problem = isExpected ? null : Unsupported(mediaType);
        return isExpected;
    }

    /// <summary>Reads the whole body; no body at all is JSON null. Null means that the body is malformed.</summary>
    public static async ValueTask<JsonElement?> ReadAsync(HttpContext http)
    {
        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (read.IsCompleted)
            {
                var json = Parse(read.Buffer);
                reader.AdvanceTo(read.Buffer.End);
                return json;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static JsonElement? Parse(ReadOnlySequence<byte> body)
    {
        try
        {
            // The parser looks at the bytes of a string only when it is read: never, for a member that is ignored.
            var json = body.IsSingleSegment ? body.FirstSpan : body.ToArray();
            return json.IsEmpty ? s_null : Utf8.IsValid(json) ? JsonElement.Parse(json, s_strict) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a member's name with an escaped lone surrogate.
            return null;
        }
    }
}
