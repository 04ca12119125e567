using System.Globalization;
using System.Text;

namespace UserApi.Api.Users;

/// <summary>
/// Finds invisible characters: control and format characters (general categories Cc, Cf, Zl and Zp), and all others that programs without
/// support for them must not display (<c>Default_Ignorable_Code_Point</c> in DerivedCoreProperties.txt), such as fillers and variation
/// selectors. Texts that differ only in these look the same, and other text can be hidden in them.
/// </summary>
internal static class InvisibleText
{
    /// <summary>Whether a character by itself is invisible. Joiners and variation selectors are.</summary>
    /// <param name="character">The character.</param>
    public static bool IsInvisible(Rune character) => IsIgnorable(character.Value) || Rune.GetUnicodeCategory(character) is
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;

    /// <summary>Whether a character is blank: white space, or the Braille pattern without dots.</summary>
    /// <param name="character">The character.</param>
    public static bool IsBlank(Rune character) => Rune.IsWhiteSpace(character) || character.Value == 0x2800;

    /// <summary>Whether a text has only blank characters.</summary>
    /// <param name="text">The text.</param>
    public static bool IsBlank(string text)
    {
        foreach (var character in text.EnumerateRunes())
        {
            if (!IsBlank(character))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Finds the first invisible character in a text that people read, except those that such texts need: a zero-width joiner or non-joiner
    /// between two visible characters (Persian, the scripts of India, emoji of several parts), and one variation selector after a visible
    /// character (emoji, ideographs in Japanese names).
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="allowLineBreaks">Whether tabs and line breaks are allowed.</param>
    /// <returns>The character; null if there is none.</returns>
    public static Rune? Find(string text, bool allowLineBreaks)
    {
        if (!text.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return null;
        }

        Rune[] characters = [.. text.EnumerateRunes()];
        for (var i = 0; i < characters.Length; i++)
        {
            var isAllowed = characters[i].Value switch
            {
                '\t' or '\n' or '\r' or 0x85 or 0x2028 or 0x2029 => allowLineBreaks,
                0x200C or 0x200D => (IsVisible(i - 1) || IsVariationSelector(i - 1)) && IsVisible(i + 1),
                _ when IsVariationSelector(i) => IsVisible(i - 1),
                _ => !IsInvisible(characters[i]),
            };
            if (!isAllowed)
            {
                return characters[i];
            }
        }

        return null;

        bool IsVisible(int index) =>
            index >= 0 && index < characters.Length && !IsBlank(characters[index]) && !IsInvisible(characters[index]);

        // Mongolian, VS1 to VS16, VS17 to VS256 (Variation_Selector in PropList.txt)
        bool IsVariationSelector(int index) => index >= 0 && characters[index].Value is
            (>= 0x180B and <= 0x180D) or 0x180F or (>= 0xFE00 and <= 0xFE0F) or (>= 0xE0100 and <= 0xE01EF);
    }

    // Default_Ignorable_Code_Point without format characters, which are found anyway.
    private static bool IsIgnorable(int codePoint) => codePoint is
        0x34F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or (>= 0x180B and <= 0x180F) or 0x2065 or 0x3164 or (>= 0xFE00 and <= 0xFE0F) or 0xFFA0
        or (>= 0xFFF0 and <= 0xFFF8) or (>= 0xE0000 and <= 0xE0FFF);
}
