using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class UserInputTests : HttpTest
{
    private static readonly string[] s_accepted =
    [
        HttpSteps.Ana,
        """ { "name" : "Ana" } """,
        """{"name":"A"}""",
        """{"name":" Ana de  Souza "}""",
        """{"name":"Zo\u00eb \ud83d\ude00"}""",
        """{"name":"<script>alert('1')</script> & \"x\" \\ $where"}""",
        Name(new string('a', 200)),
        Name(Repeat("\U0001F600", 200)),
        Email("ana@example.org"),
        Email("a@b.co"),
        Email("ana.de-souza+tag@mail.example.org"),
        Email("o'hara_{1}@example.org"),
        Email("\u0438\u0432\u0430\u043D@\u043F\u0440\u0438\u043C\u0435\u0440.\u0440\u0444"),
        Email($"{new string('a', 64)}@example.org"),
        Email(EmailOf(254)),
        """{"name":"Ana","email":null,"attributes":null}""",
        """{"name":"Ana","attributes":{}}""",
        """{"name":"Ana","attributes":{"a-z0-9._-":"","firstName":"Ana","A-Z":"x","team":"Z\u00fcrich \ud83d\ude00\n"}}""",
        Attributes(32),
        Attribute(new string('k', 64), "v"),
        Attribute("k", new string('v', 1024)),
        Attribute("k", Repeat("\U0001F600", 1024)),
    ];

    private static readonly (string Body, string Field)[] s_refused =
    [
        ("", "body"),
        ("null", "body"),
        ("[]", "body"),
        ("\"Ana\"", "body"),
        ("42", "body"),
        ("true", "body"),
        ("[{\"name\":\"Ana\"}]", "body"),
        ("{}", "name"),
        ("""{"Name":"Ana"}""", "name"),
        ("""{"user":{"name":"Ana"}}""", "name"),
        ("""{"name":null}""", "name"),
        ("""{"name":123}""", "name"),
        ("""{"name":1e2}""", "name"),
        ("""{"name":true}""", "name"),
        ("""{"name":["Ana"]}""", "name"),
        ("""{"name":{"first":"Ana"}}""", "name"),
        ("""{"name":""}""", "name"),
        ("""{"name":"   "}""", "name"),
        ("""{"name":"\t\n"}""", "name"),
        ("""{"name":"\u00a0\u3000"}""", "name"),
        ("""{"name":"Ana\u0000"}""", "name"),
        ("""{"name":"A\nna"}""", "name"),
        ("""{"name":"Ana\u001b[31m"}""", "name"),
        ("""{"name":"Ana\u007f"}""", "name"),
        ("""{"name":"Ana\u0085"}""", "name"),
        ("""{"name":"\ud800"}""", "name"),
        ("""{"name":"Ana \udc00\ud800"}""", "name"),
        (Name(new string('a', 201)), "name"),
        (Name(Repeat("\U0001F600", 201)), "name"),
        (Email(""), "email"),
        (Email(" "), "email"),
        (Email("ana"), "email"),
        (Email("@example.org"), "email"),
        (Email("ana@"), "email"),
        (Email("ana@@example.org"), "email"),
        (Email("ana@example..org"), "email"),
        (Email("ana@.example.org"), "email"),
        (Email("ana@-example.org"), "email"),
        (Email(".ana@example.org"), "email"),
        (Email("ana b@example.org"), "email"),
        (Email("ana@exam ple.org"), "email"),
        (Email("Ana <ana@example.org>"), "email"),
        (Email("ana@example.org\n"), "email"),
        (Email("ana\u0000@example.org"), "email"),
        (Email("ana@example.org, bob@example.org"), "email"),
        (Email($"{new string('a', 65)}@example.org"), "email"),
        (Email(EmailOf(255)), "email"),
        ("""{"name":"Ana","email":5}""", "email"),
        ("""{"name":"Ana","email":["ana@example.org"]}""", "email"),
        ("""{"name":"Ana","email":"\ud800@example.org"}""", "email"),
        ("""{"name":"Ana","attributes":"x"}""", "attributes"),
        ("""{"name":"Ana","attributes":[]}""", "attributes"),
        ("""{"name":"Ana","attributes":{"":"v"}}""", "attributes"),
        ("""{"name":"Ana","attributes":{"my team":"v"}}""", "attributes"),
        ("""{"name":"Ana","attributes":{"te am":"v"}}""", "attributes"),
        ("""{"name":"Ana","attributes":{"$set":"v"}}""", "attributes"),
        ("""{"name":"Ana","attributes":{"\u00e9":"v"}}""", "attributes"),
        ("""{"name":"Ana","attributes":{"a\u0000":"v"}}""", "attributes"),
        ("""{"name":"Ana","attributes":{"team":1}}""", "attributes.team"),
        ("""{"name":"Ana","attributes":{"team":null}}""", "attributes.team"),
        ("""{"name":"Ana","attributes":{"team":{"a":"b"}}}""", "attributes.team"),
        ("""{"name":"Ana","attributes":{"team":"\udfff"}}""", "attributes.team"),
        (Attributes(33), "attributes"),
        (Attribute(new string('k', 65), "v"), "attributes"),
        (Attribute("k", new string('v', 1025)), "attributes.k"),
        (Attribute("k", Repeat("\U0001F600", 1025)), "attributes.k"),
    ];

    private static readonly string[] s_malformed =
    [
        " ",
        "{",
        "}",
        "{\"name\":\"Ana\"",
        "{\"name\":\"Ana\"}}",
        "{\"name\":\"Ana\"} x",
        "{\"name\":\"Ana\"}{\"name\":\"Bob\"}",
        "{\"name\":\"Ana\",}",
        "{name:\"Ana\"}",
        "{'name':'Ana'}",
        "{\"name\":Ana}",
        "{\"name\":\"Ana}",
        "{\"name\":\"A\nna\"}",
        "{\"name\":\"\\x41na\"}",
        "{\"name\":NaN}",
        "{\"name\":01}",
        "{\"name\":\"Ana\"/*x*/}",
        "// x\n{\"name\":\"Ana\"}",
        "name=Ana",
        "<user/>",
        "\uFEFF{\"name\":\"Ana\"}",
        "{\"name\":\"Ana\",\"name\":\"Bob\"}",
        "{\"name\":\"Ana\",\"n\\u0061me\":\"Bob\"}",
        "{\"name\":\"Ana\",\"attributes\":{\"a\":\"1\",\"a\":\"2\"}}",
        "{\"name\":\"Ana\",\"x\":{\"y\":1,\"y\":2}}",
        "{\"name\":\"Ana\",\"\\ud800\":1}",
        "{\"name\":\"Ana\",\"attributes\":{\"\\ud800\":\"x\"}}",
        $"{{\"name\":\"Ana\",\"x\":{new string('[', 20_000)}{new string(']', 20_000)}}}",
    ];

    private static readonly byte[][] s_notUtf8 =
    [
        [.. "{\"name\":\""u8, 0xFF, .. "\"}"u8],
        [.. "{\"name\":\""u8, 0xC0, 0x80, .. "\"}"u8],
        [.. "{\"name\":\""u8, 0xED, 0xA0, 0x80, .. "\"}"u8],
        [.. "{\"name\":\"Ana\",\"x\":\""u8, 0xF8, .. "\"}"u8],
        [.. "{\"name\":\"Ana\"}"u8, 0x00],
        [0xFF, 0xFE, .. System.Text.Encoding.Unicode.GetBytes(HttpSteps.Ana)],
    ];

    [Fact]
    public Task A_user_comes_back_as_it_was_put()
    {
        return Assert.AllAsync(s_accepted, async (body, i) =>
        {
            await Client.Put($"u{i}", body).Is(HttpStatusCode.Created);

            var user = await (await Client.Get($"u{i}").Is(HttpStatusCode.OK)).Read();
            var put = JsonElement.Parse(body);
            Assert.Equal(put.GetProperty("name").GetString(), user.GetProperty("name").GetString());
            Assert.Equal(Optional(put, "email"), Optional(user, "email"));
            Assert.Equal(Optional(put, "attributes") ?? "{}", Optional(user, "attributes") ?? "{}");
        });

        static string? Optional(JsonElement json, string member) =>
            json.TryGetProperty(member, out var value) && value.ValueKind != JsonValueKind.Null
                ? JsonNode.Parse(value.GetRawText())!.ToJsonString()
                : null;
    }

    [Fact]
    public async Task A_body_that_breaks_a_rule_is_refused_with_the_name_of_the_field()
    {
        await Assert.AllAsync(s_refused, row => Client.Put("ana", row.Body).IsInvalid(row.Field));

        await Client.Get("ana").Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task A_body_that_is_not_json_is_malformed()
    {
        var tag = (await Client.Put("ana").Is(HttpStatusCode.Created)).Tag();

        await Assert.AllAsync(s_malformed, async body =>
        {
            await Client.Put("ana", body).IsProblem(HttpStatusCode.BadRequest);
            await Client.Patch("ana", body).IsProblem(HttpStatusCode.BadRequest);
        });

        Assert.Equal(tag, (await Client.Get("ana")).Tag());
    }

    [Fact]
    public Task A_body_that_is_not_utf_8_is_malformed() => Assert.AllAsync(s_notUtf8, body =>
        Client.Send("PUT", "/users/ana", HttpSteps.Body(body)).IsProblem(HttpStatusCode.BadRequest));

    [Fact]
    public async Task Every_field_that_breaks_a_rule_is_named_at_once()
    {
        var problem = await Client.Put("ana", """{"name":"","email":"x","attributes":{"a":1,"b":2}}""")
            .IsProblem(HttpStatusCode.UnprocessableEntity);

        Assert.Equal(["attributes.a", "attributes.b", "email", "name"], problem.GetProperty("errors").Members());
    }

    [Theory]
    [InlineData("""{"name":"Ana","age":7,"tags":[1,{"x":null}],"admin":true}""")]
    [InlineData("""{"name":"Ana","NAME":"Bob","Email":5}""")]
    [InlineData("""{"name":"Ana","id":"ana","createdAt":"never","updatedAt":0,"version":"1","error":{}}""")]
    public async Task Unknown_members_are_ignored(string body)
    {
        await Client.Put("ana", body).Is(HttpStatusCode.Created);

        var user = await (await Client.Get("ana")).Read();
        Assert.Equal(["createdAt", "id", "name", "updatedAt"], user.Members());
        Assert.Equal(("ana", "Ana"), (user.GetProperty("id").GetString(), user.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task What_was_read_can_be_put()
    {
        await Client.Put("ana", """{"name":"Ana","email":"ana@example.org","attributes":{"team":"blue"}}""").Is(HttpStatusCode.Created);
        var before = await (await Client.Get("ana")).Text();

        await Client.Put("ana", before).Is(HttpStatusCode.OK);

        var after = await (await Client.Get("ana")).Text();
        Assert.Equal(WithoutUpdate(before), WithoutUpdate(after));

        static string WithoutUpdate(string json)
        {
            var user = JsonNode.Parse(json)!.AsObject();
            Assert.True(user.Remove("updatedAt"));
            return user.ToJsonString();
        }
    }

    [Fact]
    public async Task A_put_replaces_the_whole_user_and_keeps_when_it_was_created()
    {
        await Client.Put("ana", """{"name":"Ana","email":"ana@example.org","attributes":{"team":"blue"}}""").Is(HttpStatusCode.Created);
        var created = await (await Client.Get("ana")).Read();
        await Task.Delay(5, TestContext.Current.CancellationToken);

        await Client.Put("ana", """{"name":"Bea"}""").Is(HttpStatusCode.OK);

        var replaced = await (await Client.Get("ana")).Read();
        Assert.Equal(["createdAt", "id", "name", "updatedAt"], replaced.Members());
        Assert.Equal("Bea", replaced.GetProperty("name").GetString());
        Assert.Equal(created.GetProperty("createdAt").GetString(), replaced.GetProperty("createdAt").GetString());
        Assert.Equal(created.GetProperty("createdAt").GetString(), created.GetProperty("updatedAt").GetString());
        Assert.True(Time(replaced, "updatedAt") > Time(created, "updatedAt"));
        Assert.InRange(Time(created, "createdAt"), DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow);

        static DateTimeOffset Time(JsonElement user, string member)
        {
            var text = user.GetProperty(member).GetString()!;
            Assert.EndsWith("Z", text);
            return DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
        }
    }

    private static string Name(string name) => new JsonObject { ["name"] = name }.ToJsonString();

    private static string Email(string email) => new JsonObject { ["name"] = "Ana", ["email"] = email }.ToJsonString();

    private static string EmailOf(int length)
    {
        var domain = $"{Repeat("abcdefghi.", 18)}org";
        return $"{new string('a', length - domain.Length - 1 - 10)}@{new string('b', 9)}.{domain}";
    }

    private static string Attribute(string key, string value) => Attributes([(key, value)]);

    private static string Attributes(int count) => Attributes(Enumerable.Range(0, count).Select(i => ($"k{i}", "v")));

    private static string Attributes(IEnumerable<(string Key, string Value)> entries) => new JsonObject
    {
        ["name"] = "Ana",
        ["attributes"] = new JsonObject(entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
    }.ToJsonString();

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
}
