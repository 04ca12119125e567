using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// A user as the stored JSON document: what a client writes, so that a new member of <see cref="UserInput"/> is stored without further
/// changes. What the service sets is in separate columns. Unknown members are ignored.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(UserInput))]
internal sealed partial class UserDocument : JsonSerializerContext
{
    // The document is never embedded in HTML, so only what JSON requires is escaped.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads a document.</summary>
    /// <exception cref="JsonException">The bytes are not a document.</exception>
    /// <exception cref="InvalidOperationException">A text in it is not Unicode.</exception>
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
