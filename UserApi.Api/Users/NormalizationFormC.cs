namespace UserApi.Api.Users;

/// <summary>
/// Tells whether letters and digits are in Unicode normalization form C (Unicode Standard Annex #15), without ICU: under
/// <c>InvariantGlobalization</c>, <see cref="string.IsNormalized()"/> answers yes to everything.
/// </summary>
/// <remarks>
/// Ids hold no combining marks, so two things are left to look for: letters that NFC replaces (compatibility ideographs, the ångström
/// sign, ...) and the few letters that compose with the letter before them. A test holds both against ICU, code point by code point.
/// </remarks>
internal static class NormalizationFormC
{
    // First and last code points of the letters with NFC_Quick_Check=No (DerivedNormalizationProps.txt).
    private static readonly (int First, int Last)[] s_replaced =
    [
        (0x374, 0x374), (0x958, 0x95F), (0x9DC, 0x9DD), (0x9DF, 0x9DF), (0xA33, 0xA33), (0xA36, 0xA36), (0xA59, 0xA5B), (0xA5E, 0xA5E),
        (0xB5C, 0xB5D), (0xF43, 0xF43), (0xF4D, 0xF4D), (0xF52, 0xF52), (0xF57, 0xF57), (0xF5C, 0xF5C), (0xF69, 0xF69), (0x1F71, 0x1F71),
        (0x1F73, 0x1F73), (0x1F75, 0x1F75), (0x1F77, 0x1F77), (0x1F79, 0x1F79), (0x1F7B, 0x1F7B), (0x1F7D, 0x1F7D), (0x1FBB, 0x1FBB),
        (0x1FBE, 0x1FBE), (0x1FC9, 0x1FC9), (0x1FCB, 0x1FCB), (0x1FD3, 0x1FD3), (0x1FDB, 0x1FDB), (0x1FE3, 0x1FE3), (0x1FEB, 0x1FEB),
        (0x1FF9, 0x1FF9), (0x1FFB, 0x1FFB), (0x2126, 0x2126), (0x212A, 0x212B), (0xF900, 0xFA0D), (0xFA10, 0xFA10), (0xFA12, 0xFA12),
        (0xFA15, 0xFA1E), (0xFA20, 0xFA20), (0xFA22, 0xFA22), (0xFA25, 0xFA26), (0xFA2A, 0xFA6D), (0xFA70, 0xFAD9), (0xFB1D, 0xFB1D),
        (0xFB1F, 0xFB1F), (0xFB2A, 0xFB36), (0xFB38, 0xFB3C), (0xFB3E, 0xFB3E), (0xFB40, 0xFB41), (0xFB43, 0xFB44), (0xFB46, 0xFB4E),
        (0x2F800, 0x2FA1D),
    ];

    /// <summary>Whether <paramref name="text"/>, made of letters, digits and ASCII, is in NFC.</summary>
    public static bool IsNormalized(string text)
    {
        var previous = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsReplaced(rune.Value) || Composes(previous, rune.Value))
            {
                return false;
            }

            previous = rune.Value;
        }

        return true;
    }

    private static bool IsReplaced(int letter)
    {
        foreach (var (first, last) in s_replaced)
        {
            if (letter <= last)
            {
                return letter >= first;
            }
        }

        return false;
    }

    private static bool Composes(int first, int second) => second switch
    {
        // Hangul: a leading consonant with a vowel, a syllable without a final consonant with one
        >= 0x1161 and <= 0x1175 => first is >= 0x1100 and <= 0x1112,
        >= 0x11A8 and <= 0x11C2 => first is >= 0xAC00 and <= 0xD7A3 && (first - 0xAC00) % 28 == 0,

        // Kirat Rai vowels (Unicode 16)
        0x16D67 => first is 0x16D63 or 0x16D67 or 0x16D69,
        _ => false,
    };
}
