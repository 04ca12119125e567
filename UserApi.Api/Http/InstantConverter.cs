using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace UserApi.Api.Http;

/// <summary>
/// Writes a time as RFC 3339 in UTC with exactly three decimals, which is the stored precision: the texts have equal length and sort by time.
/// </summary>
internal sealed class InstantConverter : JsonConverter<DateTime>
{
    private const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    public override DateTime Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTime();

    public override void Write(Utf8JsonWriter writer, DateTime value, JsonSerializerOptions options)
    {
        Span<byte> text = stackalloc byte[24];
        value.TryFormat(text, out var length, Format, CultureInfo.InvariantCulture);
        writer.WriteStringValue(text[..length]);
    }
}
