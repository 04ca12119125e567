using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json.Serialization;

namespace UserApi.Api.Users;

/// <summary>A user as it is stored and returned.</summary>
/// <param name="Id">The id, which the client chose or, for a <c>POST</c>, the service; see <see cref="UserId"/>.</param>
/// <param name="Name">The display name, see <see cref="UserInput"/>.</param>
/// <param name="Email">The e-mail address; absent when there is none.</param>
/// <param name="Attributes">Free attributes; absent when there are none.</param>
/// <param name="CreatedAt">When the user was created, UTC, to the millisecond (RFC 3339).</param>
/// <param name="UpdatedAt">When the user was last written, UTC, to the millisecond (RFC 3339).</param>
/// <param name="Version">
/// Identifies this state of the user and no other, ever: the opaque part of the strong entity tag (RFC 9110 section 8.8.3). Not in the body.
/// </param>
internal sealed record User(
    [property: Description("The id of the user."), StringLength(UserId.MaxLength, MinimumLength = 1)] string Id,
    [property: Description("The display name."), StringLength(UserInput.MaxNameLength, MinimumLength = 1)] string Name,
    [property: Description("An e-mail address (RFC 5321, RFC 6531), no invisible characters."), DataType("idn-email"), StringLength(EmailAddress.MaxLength, MinimumLength = 3)] string? Email,
    [property: AttributesSchema] IReadOnlyDictionary<string, string>? Attributes,
    [property: Description("When the user was created: UTC, to the millisecond (RFC 3339).")] DateTime CreatedAt,
    [property: Description("When the user was last written: UTC, to the millisecond (RFC 3339).")] DateTime UpdatedAt,
    [property: JsonIgnore] string Version)
{
    /// <summary>The part of the user that a client writes.</summary>
    [JsonIgnore]
    public UserInput Body => new(Name, Email, Attributes);

    /// <summary>The approximate size of the user in a page, in bytes: the UTF-8 of its members, and 200 for the rest.</summary>
    [JsonIgnore]
    public int TextLength
    {
        get
        {
            var length = 200 + Encoding.UTF8.GetByteCount(Id) + Encoding.UTF8.GetByteCount(Name) + Encoding.UTF8.GetByteCount(Email ?? "");
            if (Attributes is not null)
            {
                foreach (var (key, value) in Attributes)
                {
                    length += Encoding.UTF8.GetByteCount(key) + Encoding.UTF8.GetByteCount(value);
                }
            }

            return length;
        }
    }

    /// <summary>
    /// Creates the state after writing <paramref name="body"/> now. The version is random, so that a user that is deleted and created again
    /// never has an earlier entity tag.
    /// </summary>
    /// <param name="id">The user's id.</param>
    /// <param name="body">What the client wrote.</param>
    /// <param name="now">The time of the write; cut to milliseconds, the precision of every store.</param>
    public static User Create(UserId id, UserInput body, DateTimeOffset now)
    {
        var time = new DateTime(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerMillisecond), DateTimeKind.Utc);
        return Create(id.Value, body, time, time, NewVersion());
    }

    /// <summary>Creates a user from what a client wrote and what the service set.</summary>
    public static User Create(string id, UserInput body, DateTime createdAt, DateTime updatedAt, string version) =>
        new(id, body.Name, body.Email, body.Attributes, createdAt, updatedAt, version);

    /// <summary>Generates a version that no user has had.</summary>
    public static string NewVersion() => Guid.NewGuid().ToString("N");
}
