using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace UserApi.Api.Users;

/// <summary>A page of users in id order.</summary>
/// <param name="Items">The users, ordered by the code points of their ids.</param>
/// <param name="Next">What to send as <c>after</c> to get the next page; null on the last page.</param>
internal sealed record UserPage(
    [property: Description("The users."), MaxLength(UserPageQuery.MaxLimit)] IReadOnlyList<User> Items,
    [property: Description("What to send as `after` for the next page; null on the last page."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next)
{
    /// <summary>The approximate maximum size of a page in bytes of text, without its first user, see <see cref="User.TextLength"/>: 256 KiB.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>
    /// Whether the page is compressed for a client that accepts it: from about 4 KiB of text (some 20 users). docs/api.md has the measurements; a smaller
    /// page saves at most one packet.
    /// </summary>
    internal bool IsWorthCompressing()
    {
        const int MinBytes = 4 * 1024;
        var length = 0;
        return Items.Any(user => (length += user.TextLength) >= MinBytes);
    }

    /// <summary>Makes the page's entity tag: versions identify the states of users, so together they identify the page.</summary>
    internal string CreateTag()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var user in Items)
        {
            hash.AppendData(Encoding.ASCII.GetBytes(user.Version));
        }

        hash.AppendData([Next is null ? (byte)0 : (byte)1]);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
