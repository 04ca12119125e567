using System.Security.Cryptography;
using System.Text;
using UserApi.Api.Users;

namespace UserApi.Tests.Http;

public class CaseFoldingTests
{
    private static readonly Rune[] s_all =
        [.. Enumerable.Range(0, 0x110000).Where(Rune.IsValid).Select(value => new Rune(value))];

    // Stored keys are made by it: another table needs another SearchKeys.Version. The digest is that of the mappings of status C and S in
    // CaseFolding.txt of Unicode 16.0, written as "41 61", a line each.
    [Fact]
    public void Folding_is_by_the_table_of_unicode_16()
    {
        var mappings = s_all.Where(rune => CaseFolding.Fold(rune) != rune).Select(rune => $"{rune.Value:X} {CaseFolding.Fold(rune).Value:X}\n");

        Assert.Equal(
            "ba508213045556ccbfa9990fad35a579f803bea9744ee077b46163a17d5763db",
            Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Concat(mappings)))));
    }

    [Fact]
    public void What_was_folded_is_folded_to_itself() =>
        Assert.All(s_all, rune => Assert.Equal(CaseFolding.Fold(rune), CaseFolding.Fold(CaseFolding.Fold(rune))));

    // The platform has other data of the same standard, and newer or older ones.
    [Fact]
    public void What_differs_only_in_case_by_the_platforms_mappings_is_folded_to_the_same() =>
        Assert.Empty(s_all
            .GroupBy(rune => Rune.ToLowerInvariant(Rune.ToUpperInvariant(rune)))
            .Where(same => same.Select(CaseFolding.Fold).Distinct().Count() > 1)
            .Select(same => string.Join(' ', same.Select(rune => $"{rune.Value:X4}"))));

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
