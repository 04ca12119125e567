using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// A user as the JSON document that is stored: what a client writes of it, so that a new member of <see cref="UserInput"/> is stored without
/// further ado. What the service sets of it is in columns beside it. Members that are not known are ignored.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(UserInput))]
internal sealed partial class UserDocument : JsonSerializerContext
{
    // Written to a file, and never into a page of HTML: only what JSON requires is escaped.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a document.</summary>
    /// <exception cref="JsonException">It is none.</exception>
    /// <exception cref="InvalidOperationException">A text of it is no Unicode.</exception>
    public static UserInput Read(ReadOnlySpan<byte> json)
    {
        var body = JsonSerializer.Deserialize(json, Default.UserInput);
        return body is not null && body.Attributes?.Values.Contains(null) != true ? body : throw new JsonException();
    }

    /// <summary>Writes a document.</summary>
    public static ReadOnlySpan<byte> Write(UserInput body)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, s_options))
        {
            JsonSerializer.Serialize(writer, body, Default.UserInput);
        }

        return buffer.WrittenSpan;
    }
}
