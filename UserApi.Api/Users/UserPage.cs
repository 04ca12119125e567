using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace UserApi.Api.Users;

/// <summary>A page of users.</summary>
/// <param name="Items">The users, in the order that was asked for.</param>
/// <param name="Next">What to send as <c>after</c> to get the next page; null on the last page.</param>
/// <param name="Total">How many users all pages have together; null if that was not asked for.</param>
/// <param name="TotalIsLowerBound">True if there may be more than <paramref name="Total"/>; otherwise null.</param>
internal sealed record UserPage(
    [property: Description("The users."), MaxLength(UserQuery.MaxLimit)] IReadOnlyList<User> Items,
    [property: Description("What to send as `after` for the next page; null on the last page."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next,
    [property: Description("With `count=true`: how many users all pages have together."), Range(0, UserQuery.MaxTotal)] int? Total = null,
    [property: Description("True if there may be more than `total`; otherwise absent.")] bool? TotalIsLowerBound = null)
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

    /// <summary>Makes the page's entity tag: versions identify the states of users, so together with the total they identify the page.</summary>
    internal string CreateTag()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var user in Items)
        {
            hash.AppendData(Encoding.ASCII.GetBytes(user.Version));
        }

        hash.AppendData([Next is null ? (byte)0 : (byte)1]);
        if (Total is { } total)
        {
            hash.AppendData(BitConverter.GetBytes(total));
            hash.AppendData([TotalIsLowerBound == true ? (byte)1 : (byte)0]);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
