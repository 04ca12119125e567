using System.Text;

namespace UserApi.Api.Users;

/// <summary>The rule for e-mail addresses: dot-atoms before and after the @ (RFC 5322 section 3.4.1), including international ones (RFC 6531).</summary>
internal static class EmailAddress
{
    /// <summary>The maximum length in UTF-16 code units (RFC 5321 section 4.5.3.1.3, without the angle brackets).</summary>
    public const int MaxLength = 254;

    private const string AtomPunctuation = "!#$%&'*+-/=?^_`{|}~";

    public static bool IsValid(string text)
    {
        var at = text.LastIndexOf('@');
        return text.Length <= MaxLength && at is > 0 and <= 64 && AreAtoms(text[..at], AtomPunctuation) && IsDomain(text[(at + 1)..]);
    }

    private static bool IsDomain(string domain) =>
        AreAtoms(domain, "-") && domain.Split('.').All(label => label.Length <= 63 && label[0] != '-' && label[^1] != '-');

    private static bool AreAtoms(string text, string punctuation) => text.Split('.').All(atom =>
        atom.Length > 0 && atom.EnumerateRunes().All(rune =>
            rune.IsAscii
                ? Rune.IsLetterOrDigit(rune) || punctuation.Contains((char)rune.Value)
                : rune != Rune.ReplacementChar && !InvisibleText.IsBlank(rune) && !InvisibleText.IsInvisible(rune)));
}
