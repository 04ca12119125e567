using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace UserApi.Api.Users;

/// <summary>What a store keeps beside a user to find it by, and nobody is shown: the same on every store.</summary>
/// <param name="Email">The folded e-mail address; null when there is none, or one that is longer than an address can be.</param>
/// <param name="Name">The folded name, at most <see cref="UserInput.MaxNameLength"/> code points of it.</param>
/// <param name="Attributes">A key for each attribute, see <see cref="OfAttribute"/>; none repeats, and they are in ascending order.</param>
internal sealed record SearchKeys(string? Email, string Name, IReadOnlyList<long> Attributes)
{
    /// <summary>Changes when other keys are made of the same user: stored keys then have to be made again.</summary>
    public const int Version = 1;

    /// <summary>Makes the keys of a user.</summary>
    /// <param name="user">What a client wrote of it.</param>
    public static SearchKeys Of(UserInput user) => new(
        user.Email is { Length: <= EmailAddress.MaxLength } email ? CaseFolding.Fold(email) : null,
        CaseFolding.Fold(Shorten(user.Name)),
        user.Attributes is null or { Count: 0 } ? [] : [.. user.Attributes.Select(entry => OfAttribute(entry.Key, entry.Value)).Distinct().Order()]);

    /// <summary>
    /// The key of one attribute: 64 bits of the SHA-256 of "key=value" in UTF-8. A value may be 4 KiB, which is more than index keys can be.
    /// Two attributes may have the same key, so a user that is found by it must be looked at.
    /// </summary>
    /// <param name="key">The attribute's key, which holds no <c>=</c>.</param>
    /// <param name="value">The attribute's value.</param>
    public static long OfAttribute(string key, string value)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{key}={value}"), hash);
        return BinaryPrimitives.ReadInt64BigEndian(hash);
    }

    /// <summary>The least text that is greater than all that begin with another one, by code points; null when there is none.</summary>
    /// <param name="beginning">What they begin with.</param>
    public static string? EndOf(string beginning)
    {
        var runes = beginning.EnumerateRunes().ToList();
        while (runes is [.., var last])
        {
            runes.RemoveAt(runes.Count - 1);
            if (last.Value < 0x10FFFF)
            {
                // What would come after U+D7FF are surrogates, which are no characters.
                return string.Concat(runes) + new Rune(last.Value == 0xD7FF ? 0xE000 : last.Value + 1);
            }
        }

        return null;
    }

    // Only another program can have written a longer one.
    private static string Shorten(string name) => name.Length <= UserInput.MaxNameLength
        ? name
        : string.Concat(name.EnumerateRunes().Take(UserInput.MaxNameLength));
}
