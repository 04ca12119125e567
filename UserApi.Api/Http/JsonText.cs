using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace UserApi.Api.Http;

/// <summary>How JSON is written for clients.</summary>
internal static class JsonText
{
    /// <summary>
    /// The options of what clients read. The encoder escapes what JSON requires to be escaped, and characters that cannot be seen, but not what
    /// HTML reads as markup, which would make six bytes of one: <c>application/json</c> with <c>nosniff</c> is never read as HTML.
    /// </summary>
    public static JsonSerializerOptions Options() => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new InstantConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
