using System.Text;
using UserApi.Api.Users;

namespace UserApi.Tests.Http;

/// <summary>Holds the API's own check, which works without ICU, against ICU.</summary>
public class NormalizationFormCTests
{
    private const string NoIcu = "The runtime is in globalization-invariant mode: there is no ICU to compare with.";

    // In globalization-invariant mode the runtime takes every string for normalized.
    public static bool HasIcu => !"e\u0301".IsNormalized();

    private static IEnumerable<Rune> LettersAndDigits =>
        Enumerable.Range(0, 0x11_0000).Where(Rune.IsValid).Select(codePoint => new Rune(codePoint)).Where(Rune.IsLetterOrDigit);

    [Fact(Skip = NoIcu, SkipUnless = nameof(HasIcu))]
    public void Every_letter_and_digit_is_judged_as_by_icu() =>
        Assert.Empty(LettersAndDigits.Select(rune => rune.ToString()).Where(Differs).Select(Describe));

    [Fact(Skip = NoIcu, SkipUnless = nameof(HasIcu))]
    public void Every_pair_that_composes_is_judged_as_by_icu()
    {
        var pairs = LettersAndDigits.Select(LastComposition).OfType<string>()
            .Where(pair => pair.EnumerateRunes().All(Rune.IsLetterOrDigit)).ToList();

        Assert.Contains("\u1100\u1161", pairs);
        Assert.Empty(pairs.Where(Differs).Select(Describe));
    }

    [Fact(Skip = NoIcu, SkipUnless = nameof(HasIcu))]
    public void Every_pair_around_the_hangul_that_composes_is_judged_as_by_icu()
    {
        var leading = Pairs(0x1100..0x1160, 0x1160..0x1200);
        var trailing = Pairs(0xAC00..0xD7A4, 0x11A0..0x11C8);

        Assert.Empty(leading.Concat(trailing).Where(Differs).Select(Describe));

        static IEnumerable<string> Pairs(Range first, Range second) =>
            from one in Enumerable.Range(first.Start.Value, first.End.Value - first.Start.Value)
            from two in Enumerable.Range(second.Start.Value, second.End.Value - second.Start.Value)
            select $"{(char)one}{(char)two}";
    }

    // Unicode 16, which the machine's ICU may not know yet.
    [Theory]
    [InlineData("\U00016D67\U00016D67", false)]
    [InlineData("\U00016D63\U00016D67", false)]
    [InlineData("\U00016D69\U00016D67", false)]
    [InlineData("\U00016D68\U00016D67", true)]
    [InlineData("\U00016D63\U00016D63", true)]
    public void The_vowels_of_kirat_rai_compose(string text, bool isNormalized) =>
        Assert.Equal(isNormalized, NormalizationFormC.IsNormalized(text));

    /// <summary>The pair of code points that <paramref name="rune"/> is composed of, the first as composed as can be.</summary>
    private static string? LastComposition(Rune rune)
    {
        var decomposed = rune.ToString().Normalize(NormalizationForm.FormD).EnumerateRunes().ToList();
        if (decomposed.Count < 2)
        {
            return null;
        }

        var first = string.Concat(decomposed[..^1]).Normalize(NormalizationForm.FormC);
        return first.EnumerateRunes().Count() == 1 ? first + decomposed[^1] : null;
    }

    private static bool Differs(string text) => NormalizationFormC.IsNormalized(text) != text.IsNormalized(NormalizationForm.FormC);

    private static string Describe(string text) => string.Join(' ', text.EnumerateRunes().Select(rune => $"U+{rune.Value:X4}"));
}
