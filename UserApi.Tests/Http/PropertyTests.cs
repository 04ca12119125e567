using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

/// <summary>Properties that hold for every request. A failure names the seed that repeats it.</summary>
public class PropertyTests : HttpTest
{
    private static readonly Gen<string> s_anyRune = Gen.OneOf(Gen.Int[0, 0x2FF], Gen.Int[0, 0xFFFF], Gen.Int[0, 0x10FFFF])
        .Where(Rune.IsValid).Select(codePoint => new Rune(codePoint).ToString());

    private static readonly Gen<string> s_text = Join(0, 10, Gen.Frequency(
        (30, Gen.OneOf("a", "Z", "9", " ", "\u00E9", "\u7528", "\U0001F600", "'", "\"", "\\", "$", "<")),
        (1, Gen.OneOf("\0", "\n", "\u0085", "\u2028", "\uFEFF")),
        (1, s_anyRune)));

    private static readonly Gen<JsonNode?> s_string = s_text.Select(text => (JsonNode?)text);
    private static readonly Gen<JsonNode?> s_null = Gen.Const((JsonNode?)null);

    private static readonly Gen<JsonNode?> s_anything = Gen.OneOf(
        "null", "true", "0", "-1.5", "1e400", "123456789012345678901234567890", "\"\"", "[]", "{}", """[[1],{"a":null}]""").Select(json => JsonNode.Parse(json));

    private static readonly Gen<string> s_key = Gen.Frequency((40, Gen.OneOf("a", "b", "c-1", "d.e", "f_")), (1, Gen.OneOf("", "A b", "$g", "\u00E9")));

    private static readonly Gen<JsonNode?> s_email = Gen.OneOf("ana@example.org", "b@c.de", "ana", "@").Select(email => (JsonNode?)email);

    private static readonly Gen<string> s_body = Body(nulls: 1);
    private static readonly Gen<string> s_patch = Body(nulls: 20);
    private static readonly Gen<string> s_user = Body(nulls: 1).Where(body => body.StartsWith("{\"name\":\"", StringComparison.Ordinal));

    private int _users;

    [Fact]
    public Task An_id_is_taken_or_refused_by_its_rule()
    {
        var good = Gen.OneOf("a", "Z", "9", "-", ".", "_", "~", "@", "+", ":", "|", "=", "\u00E9", "\u7528", "\U00010400");
        var doubtful = Gen.OneOf("/", "%", " ", "$", "\0", "\\", "\u0301", "\u212B", "\u1100", "\u1161", "\uAC00", "\u11A8", ".", "e");
        var ids = Gen.OneOf(Join(1, 3, Gen.OneOf(doubtful, doubtful, s_anyRune)), Join(1, 131, Gen.Frequency((200, good), (1, doubtful), (1, s_anyRune))));

        return ids.SampleAsync(
            async id =>
            {
                var put = await Client.Put(id);
                if (id.Contains('\0'))
                {
                    await put.Is(HttpStatusCode.BadRequest);
                }
                else if (!IsId(id))
                {
                    await Task.FromResult(put).IsInvalid("id");
                }
                else
                {
                    Assert.True(put.IsSuccessStatusCode, $"{put.StatusCode}");
                    Assert.Equal(id, (await (await Client.Get(id).Is(HttpStatusCode.OK)).Read()).GetProperty("id").GetString());
                }
            },
            iter: 400);

        static bool IsId(string text) =>
            text.EnumerateRunes().Count() <= 128
            && text.Trim('.') != ""
            && text.EnumerateRunes().All(rune => Rune.IsLetterOrDigit(rune) || IsMark(rune) || (rune.IsBmp && "-._~@+:|=".Contains((char)rune.Value)))
            && !IsMark(text.EnumerateRunes().First())
            && !text.EnumerateRunes().Any(rune => rune.Value is
                0x34F or 0x115F or 0x1160 or 0x17B4 or 0x17B5 or (>= 0x180B and <= 0x180F) or 0x3164 or (>= 0xFE00 and <= 0xFE0F) or 0xFFA0 or (>= 0xE0100 and <= 0xE01EF));

        static bool IsMark(Rune rune) => Rune.GetUnicodeCategory(rune).ToString().EndsWith("Mark", StringComparison.Ordinal);
    }

    [Fact]
    public Task No_target_is_an_error_of_ours()
    {
        var rest = Join(0, 12, Gen.OneOf(
            "a", "users", "/", "/", ".", "..", "%", "%2e", "%2F", "%00", "%FF", "%ED%A0%80", "?", "&", "=", ";", "limit", "after", "1", "+", "*", "|"));
        var targets = Gen.Select(Gen.OneOf("/", "/users", "/users/", "/users?"), rest, string.Concat);

        return Gen.Select(Gen.OneOf("GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "QUERY"), targets).SampleAsync(
            async (method, target) => AssertNoFailure(await Client.Send(method, target)),
            iter: 500);
    }

    [Fact]
    public Task No_header_is_an_error_of_ours()
    {
        var values = Join(0, 8, Gen.OneOf(
            "\"", "\"a\"", "W/", "*", ",", ";", "=", " ", "\t", "return", "representation", "application/json", "utf-8", "charset=", "q=2", "-1", "\\", "%"));
        var names = Gen.OneOf(
            "If-Match", "If-None-Match", "If-Modified-Since", "If-Range", "Range", "Prefer", "Accept", "Accept-Encoding", "traceparent", "Cookie");

        return Gen.Select(names, values, values, Gen.OneOf("GET", "PUT", "PATCH", "DELETE")).SampleAsync(
            async (name, value, mediaType, method) => AssertNoFailure(await Client.Send(
                method, "/users/ana", HttpSteps.Body(HttpSteps.Ana, mediaType == "" ? HttpSteps.Json : mediaType), (name, value))),
            iter: 500);
    }

    [Fact]
    public Task A_body_is_refused_or_comes_back_and_can_be_put_again() => s_body.SampleAsync(
        async body =>
        {
            var id = NextId();
            var put = await Client.Put(id, body);
            if (put.StatusCode != HttpStatusCode.Created)
            {
                await put.Is(HttpStatusCode.UnprocessableEntity);
                return;
            }

            var user = Written(await (await Client.Get(id).Is(HttpStatusCode.OK)).Text());
            Assert.Equal(Written(body), user);
            await Client.Put(id, user).Is(HttpStatusCode.OK);
            Assert.Equal(user, Written(await (await Client.Get(id)).Text()));
        },
        iter: 500);

    [Fact]
    public Task A_patch_does_what_putting_its_result_does() => Gen.Select(s_user, s_patch).SampleAsync(
        async (user, patch) =>
        {
            var (patched, replaced) = (NextId(), NextId());
            if ((await Client.Put(patched, user)).StatusCode != HttpStatusCode.Created)
            {
                return;
            }

            var put = await Client.Put(replaced, MergePatch(JsonNode.Parse(user), JsonNode.Parse(patch))?.ToJsonString() ?? "null");
            await Client.Patch(patched, patch).Is(put.StatusCode == HttpStatusCode.Created ? HttpStatusCode.OK : put.StatusCode);

            var expected = put.StatusCode == HttpStatusCode.Created ? Written(await (await Client.Get(replaced)).Text()) : Written(user);
            Assert.Equal(expected, Written(await (await Client.Get(patched)).Text()));
        },
        iter: 500);

    [Fact]
    public Task No_bytes_are_an_error_of_ours()
    {
        var changes = Gen.Select(Gen.Int[0, 80], Gen.Byte).Array[1, 4];

        return changes.SampleAsync(
            async changes =>
            {
                var body = """{"name":"Ana \ud83d\ude00","email":"ana@example.org","attributes":{"a":"\u00e9"}}"""u8.ToArray();
                foreach (var (place, value) in changes)
                {
                    body[place % body.Length] = value;
                }

                AssertNoFailure(await Client.Send("PUT", "/users/ana", HttpSteps.Body(body)));
                AssertNoFailure(await Client.Send("PATCH", "/users/ana", HttpSteps.Body(body, HttpSteps.MergePatch)));
            },
            iter: 300);
    }

    /// <summary>The pseudocode of RFC 7396 section 2.</summary>
    private static JsonNode? MergePatch(JsonNode? target, JsonNode? patch)
    {
        if (patch is not JsonObject members)
        {
            return patch?.DeepClone();
        }

        var result = target is JsonObject ? target.DeepClone().AsObject() : [];
        foreach (var (name, value) in members)
        {
            result.TryGetPropertyValue(name, out var present);
            result.Remove(name);
            if (value is not null)
            {
                result[name] = MergePatch(present, value);
            }
        }

        return result;
    }

    private static void AssertNoFailure(HttpResponseMessage response) => Assert.InRange((int)response.StatusCode, 200, 499);

    private string NextId() => $"u{Interlocked.Increment(ref _users)}";

    /// <summary>The members of a user that a client can write, in a canonical form.</summary>
    private static string Written(string json)
    {
        var user = JsonNode.Parse(json)!.AsObject();
        var attributes = user["attributes"]?.AsObject().OrderBy(entry => entry.Key, StringComparer.Ordinal).ToDictionary(entry => entry.Key, entry => (string?)entry.Value);
        return JsonSerializer.Serialize(new { name = (string?)user["name"], email = (string?)user["email"], attributes = attributes is { Count: > 0 } ? attributes : null });
    }

    /// <summary>A body that is usually valid or nearly valid.</summary>
    private static Gen<string> Body(int nulls)
    {
        var attributes = Object(s_key, Gen.Frequency((40, s_string), (nulls, s_null), (1, s_anything)), 4);
        var known = Gen.Select(
            Optional(Gen.Frequency((40, s_string), (1, s_null), (1, s_anything))),
            Optional(Gen.Frequency((40, s_email), (nulls, s_null), (1, s_anything))),
            Optional(Gen.Frequency((40, attributes), (nulls, s_null), (1, s_anything))));
        var body = Gen.Select(known, Object(Gen.OneOf("id", "Name", "", "x"), s_anything, 2), (members, others) =>
        {
            var (name, email, attributes) = members;
            var body = new JsonObject();
            foreach (var (member, value) in new[] { ("name", name), ("email", email), ("attributes", attributes) })
            {
                if (value.IsPresent)
                {
                    body[member] = value.Node?.DeepClone();
                }
            }

            foreach (var (member, value) in others!.AsObject())
            {
                body[member] = value?.DeepClone();
            }

            return (JsonNode?)body;
        });
        return Gen.Frequency((40, body), (1, s_anything)).Select(node => node?.ToJsonString() ?? "null");
    }

    private static Gen<(bool IsPresent, JsonNode? Node)> Optional(Gen<JsonNode?> node) =>
        Gen.Select(Gen.Frequency((5, Gen.Const(true)), (1, Gen.Const(false))), node);

    private static Gen<JsonNode?> Object(Gen<string> name, Gen<JsonNode?> value, int most) =>
        Gen.Select(name, value).Array[0, most].Select(members => (JsonNode?)new JsonObject(
            members.DistinctBy(member => member.Item1).Select(member => KeyValuePair.Create(member.Item1, member.Item2?.DeepClone()))));

    private static Gen<string> Join(int least, int most, Gen<string> part) => part.Array[least, most].Select(string.Concat);
}
