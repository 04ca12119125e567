using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Unicode;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

[JsonSerializable(typeof(User))]
[JsonSerializable(typeof(UserPage))]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class UserJson : JsonSerializerContext
{
    /// <summary>Names of every script as they are, not as \u escapes; what HTML reads as markup stays escaped.</summary>
    public static UserJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new InstantConverter() },
        Encoder = JavaScriptEncoder.Create(UnicodeRanges.All),
    });
}
