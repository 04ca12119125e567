using System.Text;
using System.Text.RegularExpressions;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

/// <summary>Every link in the documents leads to an existing file of the repository and an existing heading.</summary>
public partial class LinkTests
{
    public static TheoryData<string> Documents { get; } = new(
        Directory.EnumerateFiles(Repository.Root, "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Repository.Root, file))
            .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(folder => folder is "bin" or "obj" or "node_modules" or ".terraform")));

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_leads_somewhere(string document)
    {
        var text = File.ReadAllText(Repository.File(document));
        var folder = Path.GetDirectoryName(Repository.File(document))!;
        var broken = Link().Matches(Code().Replace(text, ""))
            .Select(link => link.Groups[1].Value)
            .Where(link => !link.StartsWith("http", StringComparison.Ordinal))
            .Where(link => !Leads(link));

        Assert.Empty(broken);

        bool Leads(string link)
        {
            var (path, heading) = link.Split('#', 2) is [var before, var after] ? (before, after) : (link, null);
            var target = path.Length == 0 ? Repository.File(document) : Path.Combine(folder, path);
            return heading is null ? Path.Exists(target) : File.Exists(target) && Headings(File.ReadAllText(target)).Contains(heading);
        }
    }

    // GitHub's anchor of a heading is in lower case, without punctuation, with a hyphen for each space.
    private static IEnumerable<string> Headings(string text) => Heading().Matches(Code().Replace(text, ""))
        .Select(heading => string.Concat(heading.Groups[1].Value.ToLowerInvariant().EnumerateRunes()
            .Where(rune => Rune.IsLetterOrDigit(rune) || rune.Value is ' ' or '-' or '_')).Replace(' ', '-'));

    [GeneratedRegex("^```.*?^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();
}
