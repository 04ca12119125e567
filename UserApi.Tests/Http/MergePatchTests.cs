using System.Net;
using System.Text.Json.Nodes;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class MergePatchTests : HttpTest
{
    private const string Before = """{"name":"Ana","email":"ana@example.org","attributes":{"a":"b","c":"d"}}""";

    // Modelled on RFC 7396, appendix A.
    [Theory]
    [InlineData("{}", Before)]
    [InlineData("""{"name":"Bea"}""", """{"name":"Bea","email":"ana@example.org","attributes":{"a":"b","c":"d"}}""")]
    [InlineData("""{"email":"bea@example.org"}""", """{"name":"Ana","email":"bea@example.org","attributes":{"a":"b","c":"d"}}""")]
    [InlineData("""{"email":null}""", """{"name":"Ana","attributes":{"a":"b","c":"d"}}""")]
    [InlineData("""{"attributes":null}""", """{"name":"Ana","email":"ana@example.org"}""")]
    [InlineData("""{"attributes":{}}""", Before)]
    [InlineData("""{"attributes":{"a":"x"}}""", """{"name":"Ana","email":"ana@example.org","attributes":{"a":"x","c":"d"}}""")]
    [InlineData("""{"attributes":{"e":"f"}}""", """{"name":"Ana","email":"ana@example.org","attributes":{"a":"b","c":"d","e":"f"}}""")]
    [InlineData("""{"attributes":{"a":null}}""", """{"name":"Ana","email":"ana@example.org","attributes":{"c":"d"}}""")]
    [InlineData("""{"attributes":{"a":null,"c":null}}""", """{"name":"Ana","email":"ana@example.org"}""")]
    [InlineData("""{"attributes":{"none":null}}""", Before)]
    [InlineData("""{"attributes":{"No such key":null}}""", Before)]
    [InlineData("""{"email":null,"attributes":{"a":null,"e":"f"},"name":"Bea"}""", """{"name":"Bea","attributes":{"c":"d","e":"f"}}""")]
    [InlineData("""{"unknown":1,"id":"ana","createdAt":null}""", Before)]
    public async Task A_patch_changes_what_it_names(string patch, string after)
    {
        await Client.Put("ana", Before).Is(HttpStatusCode.Created);

        var patched = await Client.Patch("ana", patch).Is(HttpStatusCode.OK);

        var response = await Client.Get("ana");
        Assert.Equal(patched.Tag(), response.Tag());
        var user = JsonNode.Parse(await response.Text())!.AsObject();
        Assert.Equal("ana", (string?)user["id"]);
        Assert.All(["id", "createdAt", "updatedAt"], member => Assert.True(user.Remove(member)));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(after), user), user.ToJsonString());
    }

    [Theory]
    [InlineData("", "body")]
    [InlineData("null", "body")]
    [InlineData("[]", "body")]
    [InlineData("\"Ana\"", "body")]
    [InlineData("""{"name":null}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":{"first":"Ana"}}""", "name")]
    [InlineData("""{"email":"ana"}""", "email")]
    [InlineData("""{"email":{}}""", "email")]
    [InlineData("""{"attributes":"x"}""", "attributes")]
    [InlineData("""{"attributes":["x"]}""", "attributes")]
    [InlineData("""{"attributes":{"No such key":"x"}}""", "attributes")]
    [InlineData("""{"attributes":{"a":1}}""", "attributes.a")]
    [InlineData("""{"attributes":{"a":{"b":null}}}""", "attributes.a")]
    public async Task A_patch_whose_result_breaks_a_rule_changes_nothing(string patch, string field)
    {
        var tag = (await Client.Put("ana", Before).Is(HttpStatusCode.Created)).Tag();

        await Client.Patch("ana", patch).IsInvalid(field);

        Assert.Equal(tag, (await Client.Get("ana")).Tag());
    }

    [Fact]
    public async Task The_limit_of_attributes_holds_for_the_result()
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);
        await Client.Patch("ana", Attributes(Enumerable.Range(0, 32).Select(i => ($"k{i}", (string?)"v")))).Is(HttpStatusCode.OK);

        await Client.Patch("ana", Attributes([("one-more", "v")])).IsInvalid("attributes");
        await Client.Patch("ana", Attributes([("one-more", "v"), ("k0", null)])).Is(HttpStatusCode.OK);

        static string Attributes(IEnumerable<(string Key, string? Value)> entries) => new JsonObject
        {
            ["attributes"] = new JsonObject(entries.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
        }.ToJsonString();
    }

    [Fact]
    public async Task A_patch_creates_no_user()
    {
        await Client.Patch("ana", HttpSteps.Ana).IsProblem(HttpStatusCode.NotFound);

        await Client.Get("ana").Is(HttpStatusCode.NotFound);
    }
}
