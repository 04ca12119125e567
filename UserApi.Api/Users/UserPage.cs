using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;

namespace UserApi.Api.Users;

/// <summary>A page of users.</summary>
/// <param name="Items">The users, in the order that was asked for.</param>
/// <param name="Next">What to send as <c>after</c> to get the page behind this one; null on the last page.</param>
/// <param name="Total">How many users are asked for, on all pages; null where that was not asked.</param>
/// <param name="TotalIsLowerBound">True where <paramref name="Total"/> is only as far as was counted; otherwise null.</param>
internal sealed record UserPage(
    [property: Description("The users."), MaxLength(UserQuery.MaxLimit)] IReadOnlyList<User> Items,
    [property: Description("What to send as `after` for the page behind this one; null on the last page."), JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Next,
    [property: Description("With `count=true`: how many users there are on all pages."), Range(0, UserQuery.MaxTotal)] int? Total = null,
    [property: Description("True where there may be more than `total`; otherwise absent.")] bool? TotalIsLowerBound = null)
{
    /// <summary>About how many bytes of text a page may hold beside its first user, see <see cref="User.TextLength"/>: 256 KiB.</summary>
    public const int MaxBytes = 256 * 1024;

    /// <summary>Makes the page's entity tag: the versions stand for the users' whole states, so with the total they stand for the page.</summary>
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
