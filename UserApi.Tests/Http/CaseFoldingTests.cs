using System.Globalization;
using System.Text;
using UserApi.Api.Users;

namespace UserApi.Tests.Http;

public class CaseFoldingTests
{
    private static readonly Rune[] s_all =
        [.. Enumerable.Range(0, 0x110000).Where(Rune.IsValid).Select(value => new Rune(value))];

    [Fact]
    public void Folding_is_stable_and_keeps_every_character_one_character()
    {
        Assert.Equal(1484, s_all.Count(rune => CaseFolding.Fold(rune) != rune)); // C and S in CaseFolding.txt of Unicode 16.0
        Assert.All(s_all, rune => Assert.Equal(CaseFolding.Fold(rune), CaseFolding.Fold(CaseFolding.Fold(rune))));
    }

    // .NET has other data of the same standard. What it does not have, or has otherwise, is written down here.
    [Fact]
    public void Folding_agrees_with_the_mappings_of_case_that_the_platform_has()
    {
        var others = s_all.Where(rune => Cased(CaseFolding.Fold(rune)) != Cased(rune)).Select(rune => rune.Value);

        Assert.Equal([0x1E9E, 0x2126, 0x212A, 0x212B], others.Where(value => !IsNewerThanThePlatform(value)));

        var unfolded = s_all.GroupBy(Cased).Where(same => same.Select(CaseFolding.Fold).Distinct().Count() > 1);
        Assert.Empty(unfolded.Select(same => string.Join(' ', same.Select(rune => $"{rune.Value:X4}"))));

        static Rune Cased(Rune rune) => Rune.ToLowerInvariant(Rune.ToUpperInvariant(rune));

        static bool IsNewerThanThePlatform(int value) => Rune.GetUnicodeCategory(new(value)) == UnicodeCategory.OtherNotAssigned;
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("a", "b")]
    [InlineData("a\uD7FF", "a\uE000")]
    [InlineData("a\U0010FFFF", "b")]
    [InlineData("\U0010FFFF\U0010FFFF", null)]
    [InlineData("𐀀", "𐀁")]
    public void The_end_of_a_beginning_is_the_next_text_that_does_not_begin_so(string beginning, string? end) =>
        Assert.Equal(end, SearchKeys.EndOf(beginning));
}
