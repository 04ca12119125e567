using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace UserApi.Api.Http;

/// <summary>The format of JSON for clients.</summary>
internal static class JsonText
{
    /// <summary>
    /// The encoder escapes what JSON requires and invisible characters, but not HTML's special characters, each of which would take six bytes:
    /// <c>application/json</c> with <c>nosniff</c> is never read as HTML.
    /// </summary>
    public static JsonSerializerOptions Options() => new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new InstantConverter() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
