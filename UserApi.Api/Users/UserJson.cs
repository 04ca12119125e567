using System.Text.Json.Serialization;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

[JsonSerializable(typeof(User))]
[JsonSerializable(typeof(UserPage))]
internal sealed partial class UserJson : JsonSerializerContext
{
    /// <summary>JSON for clients, see <see cref="JsonText.Options"/>.</summary>
    public static UserJson Readable { get; } = new(JsonText.Options());
}
