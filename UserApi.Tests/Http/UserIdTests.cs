using System.Net;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class UserIdTests : HttpTest
{
    private static readonly string[] s_allowed =
    [
        "a", "Z", "0", "-", "_", "~", "@", "+", ":", "|", "=", "-._~@+:|=", ".a", "a.", "..-", "a..b", "ana@example.org", "urn:user=1|a",
        "\u00C5ngstr\u00F6m", "\u0418\u0432\u0430\u043D", "\u0391\u03B8\u03B7\u03BD\u03AC", "\u7528\u6237", "\uD55C\uAE00",
        "\u0645\u0633\u062A\u062E\u062F\u0645", "\u05DE\u05E9", "\u0663", "\uFF21", "\uFB01", "\U00010400", "\U0001D7D8", "\U00020000",
        "\u0939\u093F\u0928\u094D\u0926\u0940", "\u0E44\u0E17\u0E22\u0E17\u0E35\u0E48", "\u0BA4\u0BAE\u0BBF\u0BB4\u0BCD", // हिन्दी, ไทยที่, தமிழ்
        "e\u0301", "A\u030A", "\u212B", "\u2126", "\u0958", "\uF900", "\u1100\u1161", "\uAC00\u11A8", "\U0002F800", "a\u20DD", // not NFC, enclosing mark
        "where", "null", "users", "__proto__", new string('a', 128), Repeat("\U00010400", 128), Repeat("\u00E9", 128),
    ];

    private static readonly string[] s_refused =
    [
        ".", "..", "...", new string('.', 128), " ", " a", "a ", "a b", "a/b", "a\\b", "%", "a%2Fb", "$where", "$", "a,b", "a;b", "!", "*", "(a)",
        "<a>", "\"", "'", "#", "?", "&", "[a]", "{a}", "^", "`", "\t", "a\r\nb", "\u0001", "\u007F", "\u0085", "\u00A0", "\u00B2", "\u2167",
        "\u20AC", "\u200D", "\u202E", "\u2028", "\uFEFF", "\uFFFD", "\uFFFF", "\uE000", "\u0301", "\u0301a", "\u0940", "a\u034F", "\u180Ba", "a\uFE0F",
        "a\U000E0100", "\U0001F600", "\U000E0041", "\U0010FFFF", new string('a', 129),
        Repeat("\U00010400", 129), Repeat("\u00E9", 129), new string('a', 2000),
    ];

    // Targets that an HTTP client does not send by itself.
    private static readonly string[] s_refusedTargets =
    [
        ".", "..", "%2e", "%2E", "%2e%2e", "%2E.", ".%2e", "...", "%2e%2e%2e", "..?x=1", ".#x", "%2F", "%2f", "a%2Fb", "%FF", "%C0%AE", "%ED%A0%80",
        "%F4%90%80%80", "%", "%2", "%zz", "%25", "%2500", "%u0041", "a;b=c",
    ];

    [Fact]
    public async Task An_id_is_letters_and_digits_of_any_script_and_some_punctuation()
    {
        await Assert.AllAsync(s_allowed, async id =>
        {
            var created = await Client.Put(id).Is(HttpStatusCode.Created);
            var location = Assert.Single(created.Headers.GetValues("Location"));
            Assert.Matches("^/users/[!-~]+$", location);
            var user = await (await Client.Send("GET", location).Is(HttpStatusCode.OK)).Read();
            Assert.Equal(id, user.GetProperty("id").GetString());
        });

        var page = await (await Client.Send("GET", "/users?limit=200").Is(HttpStatusCode.OK)).Read();
        Assert.Equal(
            s_allowed.Order(StringComparer.Ordinal),
            page.GetProperty("items").EnumerateArray().Select(user => user.GetProperty("id").GetString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public Task Any_other_id_is_refused() => Assert.AllAsync(s_refused, async id =>
    {
        await Client.Get(id).IsInvalid("id");
        await Client.Put(id).IsInvalid("id");
        await Client.Patch(id, HttpSteps.Ana).IsInvalid("id");
        await Client.Delete(id).IsInvalid("id");
    });

    [Fact]
    public Task A_target_that_holds_no_id_is_refused() => Assert.AllAsync(s_refusedTargets, async target =>
    {
        await Client.Send("GET", $"/users/{target}").IsInvalid("id");
        await Client.Send("PUT", $"/users/{target}", HttpSteps.Body(HttpSteps.Ana)).IsInvalid("id");
        await Client.Send("DELETE", $"/users/{target}").IsInvalid("id");
    });

    [Theory]
    [InlineData("%61na")]
    [InlineData("an%61")]
    [InlineData("%61%6e%61")]
    public async Task An_id_may_be_escaped_where_it_need_not_be(string target)
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);

        await Client.Send("GET", $"/users/{target}").Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_plus_is_a_plus()
    {
        await Client.Send("PUT", "/users/a+b", HttpSteps.Body(HttpSteps.Ana)).Is(HttpStatusCode.Created);

        await Client.Send("GET", "/users/a%2Bb").Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Ids_that_differ_in_case_name_different_users()
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);
        await Client.Put("\u00E9").Is(HttpStatusCode.Created);

        await Client.Get("Ana").Is(HttpStatusCode.NotFound);
        await Client.Put("\u00C9").Is(HttpStatusCode.Created);
    }

    // Kestrel refuses these before the pipeline: a NUL in a path, and a request line longer than its limit of 8 KiB.
    [Theory]
    [InlineData("%00", 400)]
    [InlineData("a%00b", 400)]
    [InlineData("<2000 letters of 9 escaped characters>", 414)]
    public async Task A_target_that_the_server_cannot_take_is_refused(string target, int status)
    {
        var path = target.StartsWith('<') ? Repeat("%E7%94%A8", 2000) : target;

        await Client.Send("GET", $"/users/{path}").Is((HttpStatusCode)status);
    }

    [Theory]
    [InlineData("GET /users/.. HTTP/1.1", 422)]
    [InlineData("GET /users/%2e HTTP/1.1", 422)]
    [InlineData("GET /users/\u00E9 HTTP/1.1", 400)]
    [InlineData("GET /users/a b HTTP/1.1", 400)]
    [InlineData("GET users/ana HTTP/1.1", 400)]
    public async Task A_request_line_of_no_client_is_refused(string requestLine, int status)
    {
        var answer = await Client.SendRaw($"{requestLine}\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.StartsWith($"HTTP/1.1 {status} ", answer);
    }

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
