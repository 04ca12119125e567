using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace UserApi.Api.Users;

/// <summary>
/// The id of a user: 1 to 128 letters, combining marks and digits of any script and <c>-._~@+:|=</c> (Unicode code points), not only dots,
/// not beginning with a mark, none invisible. Two ids are equal if their code points are: upper and lower case differ, and so do two
/// encodings of one letter (UAX #15) and letters that look alike, such as the Latin and the Cyrillic a (UTS #39).
/// </summary>
internal readonly record struct UserId
{
    /// <summary>The maximum length, in Unicode code points.</summary>
    public const int MaxLength = 128;

    /// <summary>The rule for ids, in Markdown.</summary>
    internal const string Rule =
        "1 to 128 letters, combining marks and digits of any script and `-._~@+:|=`, not only dots, not beginning with a mark. Compared code "
        + "point by code point; send Unicode Normalization Form C.";

    private const string Punctuation = "-._~@+:|=";

    private static readonly SearchValues<char> s_ascii =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + Punctuation);

    private UserId(string value) => Value = value;

    /// <summary>The id as text.</summary>
    public string Value { get; }

    /// <summary>Generates an id: a UUID of version 7 (RFC 9562 section 5.7), which begins with the time.</summary>
    public static UserId Create(TimeProvider clock) => new(Guid.CreateVersion7(clock.GetUtcNow()).ToString());

    /// <summary>Parses an id, or says in one sentence why <paramref name="text"/> cannot be one.</summary>
    /// <param name="text">The text, percent-decoded.</param>
    /// <param name="id">The id.</param>
    /// <param name="error">What is wrong, for the client.</param>
    public static bool TryParse(string text, out UserId id, [NotNullWhen(false)] out string? error)
    {
        error = Check(text);
        id = error is null ? new(text) : default;
        return error is null;
    }

    /// <inheritdoc/>
    public override string ToString() => Value;

    private static string? Check(string text)
    {
        if (text.Length == 0)
        {
            return "id must have at least 1 character.";
        }

        if (!text.AsSpan().ContainsAnyExcept('.'))
        {
            return "id must not consist of dots only.";
        }

        if (!text.AsSpan().ContainsAnyExcept(s_ascii))
        {
            return text.Length <= MaxLength ? null : TooLong;
        }

        var length = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (++length > MaxLength)
            {
                return TooLong;
            }

            // A mark changes the letter before it: at the beginning of an id, it would change the text before the id.
            if (length == 1 && IsMark(rune))
            {
                return "id must not begin with a combining mark.";
            }

            // Some letters and marks are invisible, such as the fillers of Hangul.
            if (InvisibleText.IsInvisible(rune)
                || !(Rune.IsLetterOrDigit(rune) || IsMark(rune) || (rune.IsAscii && Punctuation.Contains((char)rune.Value))))
            {
                return $"id must consist of letters, combining marks and digits of any script and {Punctuation}";
            }
        }

        return null;
    }

    private static bool IsMark(Rune rune) =>
        Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private static string TooLong => $"id must have at most {MaxLength} characters.";
}
