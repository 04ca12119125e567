using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Net.Http.Headers;

namespace UserApi.Api.Http;

/// <summary>The JSON of a request, or what is wrong with it.</summary>
/// <param name="Json">The body; JSON null if there is none.</param>
/// <param name="Problem">What is wrong; the JSON then must not be used.</param>
internal readonly record struct JsonBody(JsonElement Json, Problem? Problem)
{
    private static readonly JsonElement s_null = JsonElement.Parse("null");
    private static readonly JsonDocumentOptions s_strict = new() { AllowDuplicateProperties = false };

    /// <summary>400, as an example.</summary>
    public static Problem Malformed { get; } = CreateMalformed("must be valid JSON, without a member that is named twice");

    /// <summary>413: the body is too large.</summary>
    /// <param name="limit">The maximum size, in bytes.</param>
    public static Problem TooLarge(long limit) => new(StatusCodes.Status413PayloadTooLarge, string.Create(CultureInfo.InvariantCulture, $"The body must have at most {limit:N0} bytes (Limits:MaxBodyBytes)."));

    /// <summary>415: the body is of another media type.</summary>
    /// <param name="mediaType">The media type that it must have.</param>
    public static Problem Unsupported(string mediaType) => new(StatusCodes.Status415UnsupportedMediaType, $"The body must be {mediaType} in UTF-8.");

    /// <summary>Reads the whole body of a request.</summary>
    /// <param name="http">The request.</param>
    /// <param name="mediaType">The media type that it must have.</param>
    /// <param name="isTypeOptional">Whether a request without a <c>Content-Type</c> may pass.</param>
    public static async ValueTask<JsonBody> ReadAsync(HttpContext http, string mediaType, bool isTypeOptional)
    {
        if (!HasMediaType(http.Request, mediaType, isTypeOptional))
        {
            if (HttpMethods.IsPatch(http.Request.Method))
            {
                http.Response.Headers["Accept-Patch"] = mediaType; // RFC 5789 section 2.2
            }

            return new(default, Unsupported(mediaType));
        }

        if (http.Request.Headers.ContentEncoding is { Count: > 0 } coding && !coding.All(IsIdentity))
        {
            http.Response.Headers.AcceptEncoding = "identity"; // RFC 9110 section 12.5.3
            return new(default, new(StatusCodes.Status415UnsupportedMediaType, "The body must not be compressed."));
        }

        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (read.IsCompleted)
            {
                var body = Parse(read.Buffer);
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static bool IsIdentity(string? coding) => "identity".Equals(coding, StringComparison.OrdinalIgnoreCase);

    private static bool HasMediaType(HttpRequest request, string mediaType, bool isTypeOptional) =>
        request.ContentType is null
            ? isTypeOptional
            : MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
                && type.MediaType.Equals(mediaType, StringComparison.OrdinalIgnoreCase)
                && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    private static JsonBody Parse(ReadOnlySequence<byte> body)
    {
        var json = body.IsSingleSegment ? body.FirstSpan : body.ToArray();
        if (json.IsEmpty)
        {
            return new(s_null, null);
        }

        // The parser validates the bytes of a string only when it is read: never, for an ignored member.
        if (!Utf8.IsValid(json))
        {
            return new(default, CreateMalformed($"must be UTF-8: byte {IndexOfInvalid(json)} is not"));
        }

        try
        {
            return new(JsonElement.Parse(json, s_strict), null);
        }
        catch (JsonException e)
        {
            return new(default, Explain(e, json));
        }
        catch (InvalidOperationException)
        {
            return new(default, CreateMalformed("must not have a member whose name is not valid Unicode (a lone surrogate)"));
        }
    }

    private static Problem Explain(JsonException e, ReadOnlySpan<byte> json)
    {
        if (json.StartsWith(Encoding.UTF8.Preamble))
        {
            return CreateMalformed("must not begin with a byte order mark (RFC 8259 section 8.1)");
        }

        // "Duplicate property 'name' encountered during deserialization."
        if (e.Message.StartsWith("Duplicate property '", StringComparison.Ordinal))
        {
            return CreateMalformed($"must not name the member {e.Message[e.Message.IndexOf('\'')..(e.Message.LastIndexOf('\'') + 1)]} twice");
        }

        // The message of System.Text.Json without the position, which its properties contain.
        var reason = e.Message.Split(" LineNumber:")[0].TrimEnd('.');
        return CreateMalformed(e.LineNumber is { } line
            ? $"is not valid JSON at line {line + 1}, byte {e.BytePositionInLine + 1}: {reason}"
            : $"is not valid JSON: {reason}");
    }

    private static Problem CreateMalformed(string what) => new(StatusCodes.Status400BadRequest, $"The body {what}.");

    private static int IndexOfInvalid(ReadOnlySpan<byte> text)
    {
        var index = 0;
        while (Rune.DecodeFromUtf8(text[index..], out _, out var length) == OperationStatus.Done)
        {
            index += length;
        }

        return index;
    }
}
