using System.Text.Json.Serialization;

namespace UserApi.Api.Users;

/// <summary>A page of users in id order.</summary>
/// <param name="Items">The users, ordered by the code points of their ids.</param>
/// <param name="Next">What to send as <c>after</c> to get the page behind this one; null on the last page.</param>
public sealed record UserPage(
    IReadOnlyList<User> Items,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next)
{
    /// <summary>About how many bytes of text a page may hold beside its first user, see <see cref="User.TextLength"/>: 256 KiB.</summary>
    public const int MaxBytes = 256 * 1024;
}
