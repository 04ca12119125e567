using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using UserApi.Api.Users;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

/// <summary>Text that shows nothing. Sources: UnicodeData.txt, and Default_Ignorable_Code_Point in DerivedCoreProperties.txt.</summary>
public class InvisibleTextTests : HttpTest
{
    private static readonly string[] s_invisible =
    [
        "\u0000", "\u001B", "\u007F", "\u0085", "\u009F", "\u00AD", "\u034F", "\u061C", "\u115F", "\u1160", "\u17B4", "\u17B5", "\u180E", "\u200B",
        "\u200E", "\u200F", "\u2028", "\u2029", "\u202A", "\u202B", "\u202C", "\u202D", "\u202E", "\u2060", "\u2061", "\u2062", "\u2063", "\u2064",
        "\u2065", "\u2066", "\u2067", "\u2068", "\u2069", "\u206A", "\u206F", "\u3164", "\uFEFF", "\uFFA0", "\uFFF0", "\uFFF8", "\uFFF9", "\uFFFB",
        "\U0001BCA0", "\U0001D173", "\U0001D17A", "\U000E0001", "\U000E0020", "\U000E0041", "\U000E007F", "\U000E0080", "\U000E0FFF",
    ];

    private static readonly string[] s_lineBreaks = ["\t", "\n", "\r", "\u0085", "\u2028", "\u2029"];

    private static readonly string[] s_names =
    [
        "\u0645\u06CC\u200C\u062E\u0648\u0627\u0647\u0645", // Persian, with a zero-width non-joiner
        "\u0D28\u0D3E\u0D7B\u0020\u0915\u094D\u200D\u0937", // a half form of Devanagari
        "\U0001F468\u200D\U0001F469\u200D\U0001F467", // a family emoji
        "Ana \u2764\uFE0F", // a heart in emoji presentation
        "\U0001F441\uFE0F\u200D\U0001F5E8\uFE0F", // an eye in a speech bubble
        "\u845B\U000E0100\u98FE", // a variant of an ideograph
        "\u1820\u180B\u1820", // a variant of a Mongolian letter
        "a\u2800b",
        "\uE000", // private use
    ];

    private static readonly string[] s_refusedNames =
    [
        "\u2800", " \u2800\u00A0", "\u200D", "\u200C", "a\u200D", "\u200Da", "a \u200Db", "a\u200D b", "a\u200D\u200Db", "a\u200C\u200Db", "\uFE0F", "\uFE0Fa",
        "a \uFE0F", "a\uFE0F\uFE0F", "a\uFE0F\uFE00\U000E0100", "a\u200D\uFE0F", "\u2800\u200D\u2800",
        "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F", // the flag of England; tag characters can hide any text
    ];

    [Fact]
    public Task Nothing_invisible_gets_into_an_id() => Assert.AllAsync(s_invisible.Where(text => text != "\0").Concat(["\u200C", "\u200D", "\uFE0F", "\U000E0100", "\u2800"]), async text =>
    {
        await Client.Put($"a{text}b").IsInvalid("id");
        await Client.Put(text).IsInvalid("id");
    });

    [Fact]
    public Task Nothing_invisible_gets_into_a_name_an_e_mail_address_or_an_attribute() => Assert.AllAsync(s_invisible, async text =>
    {
        await Client.Put("ana", Body(name: $"A{text}na")).IsInvalid("name");
        await Client.Put("ana", Body(name: text)).IsInvalid("name");
        await Client.Put("ana", Body(email: $"a{text}na@example.org")).IsInvalid("email");
        await Client.Put("ana", Body(email: $"ana@exa{text}mple.org")).IsInvalid("email");
        if (!s_lineBreaks.Contains(text))
        {
            await Client.Put("ana", Body(attribute: $"A{text}na")).IsInvalid("attributes.k");
        }
    });

    [Fact]
    public Task A_text_keeps_what_its_script_needs() => Assert.AllAsync(s_names, async text =>
    {
        await Client.Put("ana", Body(name: text, attribute: $"{text}\n{text}")).Is(text == s_names[0] ? HttpStatusCode.Created : HttpStatusCode.OK);

        var user = await (await Client.Get("ana")).Read();
        Assert.Equal(text, user.GetProperty("name").GetString());
    });

    [Fact]
    public Task Joiners_and_selectors_have_something_visible_to_join_and_to_vary() => Assert.AllAsync(s_refusedNames, async text =>
    {
        await Client.Put("ana", Body(name: text)).IsInvalid("name");
        await Client.Put("ana", Body(email: $"a{text}@example.org")).IsInvalid("email");
    });

    [Fact]
    public Task An_attribute_keeps_its_line_breaks_and_tabs() => Assert.AllAsync(s_lineBreaks, async text =>
    {
        await Client.Put(Guid.NewGuid().ToString("N"), Body(attribute: $"{text}a{text}{text}b{text}")).Is(HttpStatusCode.Created);
        await Client.Put("ana", Body(attribute: $"a\u200D{text}b")).IsInvalid("attributes.k");
    });

    [Fact]
    public async Task A_refusal_names_the_character_that_its_reader_cannot_see()
    {
        var problem = await Client.Put("ana", Body(name: "A\u200Bna")).IsProblem(HttpStatusCode.UnprocessableEntity);

        Assert.Equal("name must not contain U+200B, which cannot be seen.", problem.GetProperty("errors").GetProperty("name")[0].GetString());
    }

    [Fact]
    public void Every_control_and_format_character_is_invisible_and_no_letter_of_a_word_is()
    {
        foreach (var rune in Enumerable.Range(0, 0x11_0000).Where(Rune.IsValid).Select(codePoint => new Rune(codePoint)))
        {
            if (Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format)
            {
                Assert.True(InvisibleText.IsInvisible(rune), $"U+{rune.Value:X4}");
            }
            else if (Rune.IsLetterOrDigit(rune) && InvisibleText.IsInvisible(rune))
            {
                Assert.True(rune.Value is 0x115F or 0x1160 or 0x3164 or 0xFFA0, $"U+{rune.Value:X4}");
            }
        }
    }

    private static string Body(string name = "Ana", string? email = null, string? attribute = null) => new JsonObject
    {
        ["name"] = name,
        ["email"] = email,
        ["attributes"] = attribute is null ? null : new JsonObject { ["k"] = attribute },
    }.ToJsonString();
}
