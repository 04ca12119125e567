using System.Net;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class PagingTests : HttpTest
{
    private static readonly (string Query, string Field)[] s_refused =
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=%2B1", "limit"),
        ("limit=%201", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1e1", "limit"),
        ("limit=0x10", "limit"),
        ("limit=ten", "limit"),
        ("limit=%D9%A3", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=", "limit"),
        ("limit", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=", "after"),
        ("after=%24", "after"),
        ("after=..", "after"),
        ("after=%00", "after"),
        ("after=%FF", "after"),
        ("after=%CC%81e", "after"),
        ($"after={new string('a', 129)}", "after"),
        ("after=a&after=b", "after"),
        ("unknown=1", "unknown"),
        ("Limit=1", "Limit"),
        ("email=", "email"),
        ("email=a%40b&email=a%40b", "email"),
        ("email=a+b%40example.org", "email"),
        ($"email={new string('a', 255)}", "email"),
        ("name", "name"),
        ("name=a&name=b", "name"),
        ($"name={new string('a', 201)}", "name"),
        ("attributes=a", "attributes"),
        ("attributes.=a", "attributes."),
        ("attributes.a%20b=a", "attributes.a b"),
        ("attributes.a=", "attributes.a"),
        ("attributes.a=1&attributes.a=2", "attributes.a"),
        ($"attributes.a={new string('a', 1025)}", "attributes.a"),
        ($"attributes.{new string('a', 65)}=a", $"attributes.{new string('a', 65)}"),
        (string.Join('&', Enumerable.Range(0, 6).Select(i => $"attributes.{i}=a")), "attributes"),
        ("updatedSince=2026-01-31", "updatedSince"),
        ("updatedSince=2026-01-31T09:30:00", "updatedSince"),
        ("updatedSince=2026-01-31T09:30:00+01:00", "updatedSince"),
        ("updatedSince=2026-02-30T09:30:00Z", "updatedSince"),
        ("updatedSince=0001-01-01T00:00:00%2B01:00", "updatedSince"),
        ("updatedSince=now", "updatedSince"),
        ("sort=email", "sort"),
        ("sort=--id", "sort"),
        ("sort=id,name", "sort"),
        ("sort=", "sort"),
        ("sort=name&after=ana", "after"),
        ("sort=name&after=dTEAYQ", "after"), // of another order
        ("sort=updatedAt&after=dQBh", "after"),
        ("count=", "count"),
        ("count=1", "count"),
        ("count=TRUE", "count"),
    ];

    [Fact]
    public async Task No_users_are_an_empty_page()
    {
        var response = await Client.Send("GET", "/users").Is(HttpStatusCode.OK);

        Assert.Equal("""{"items":[],"next":null}""", await response.Text());
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.False(response.Headers.Contains("Link"));
        Assert.NotEmpty(response.Tag());
    }

    [Theory]
    [InlineData("", 50)]
    [InlineData("?limit=1", 1)]
    [InlineData("?limit=200", 200)]
    [InlineData("?limit=007", 7)]
    public async Task A_page_has_as_many_users_as_asked_for(string query, int size)
    {
        await PutAsync(Enumerable.Range(0, 201).Select(i => $"u{i:000}"));

        var (ids, next, _) = await ReadAsync($"/users{query}");

        Assert.Equal(Enumerable.Range(0, size).Select(i => $"u{i:000}"), ids);
        Assert.Equal(ids[^1], next);
    }

    [Fact]
    public Task A_page_that_cannot_be_is_refused() =>
        Assert.AllAsync(s_refused, row => Client.Send("GET", $"/users?{row.Query}").IsInvalid(row.Field));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(6)]
    [InlineData(7)]
    public async Task Pages_in_the_order_of_code_points_lead_to_the_end_by_their_links(int limit)
    {
        // By UTF-16 code units, U+10400 would come before U+FF21; by culture, "B" would come after "a".
        string[] ids = ["-", "B", "a+b=c|d", "\u00E9", "\uFF21", "\U00010400"];
        await PutAsync(ids.Reverse());

        var seen = new List<string>();
        var target = $"/users?limit={limit}";
        while (target is not null)
        {
            (var page, _, target) = await ReadAsync(target);
            Assert.InRange(page.Count, 1, limit);
            seen.AddRange(page);
        }

        Assert.Equal(ids, seen);
    }

    [Fact]
    public async Task A_page_begins_behind_an_id_that_no_user_needs_to_have()
    {
        await PutAsync(["a", "c"]);

        Assert.Equal(["c"], (await ReadAsync("/users?after=b")).Ids);
        Assert.Equal(["c"], (await ReadAsync("/users?after=a")).Ids);
        Assert.Equal(["a", "c"], (await ReadAsync("/users?after=B")).Ids);
        Assert.Empty((await ReadAsync("/users?after=c")).Ids);
    }

    [Fact]
    public async Task Users_that_come_and_go_make_no_other_repeat_or_vanish()
    {
        string[] stay = [.. Enumerable.Range(0, 30).Select(i => $"s{i:00}")];
        await PutAsync(stay.Concat(stay.Select(id => $"{id}-old")));

        var seen = new List<string>();
        var target = "/users?limit=4";
        while (target is not null)
        {
            (var page, var next, target) = await ReadAsync(target);
            seen.AddRange(page);

            // Add and delete users before, at and after the start of the next page.
            await PutAsync([$"a{seen.Count}", .. page.Select(id => $"{id}-new")]);
            foreach (var old in stay.Select(id => $"{id}-old").Where(id => id == next || page.Contains(id)))
            {
                await Client.Delete(old).Is(HttpStatusCode.NoContent);
            }
        }

        Assert.Equal(stay, seen.Where(stay.Contains));
        Assert.Equal(seen.Distinct(), seen);
    }

    [Fact]
    public async Task A_page_has_a_tag_of_its_own_state()
    {
        await PutAsync(["a", "b", "c"]);
        var tag = (await Client.Send("GET", "/users?limit=2")).Tag();

        var same = await Client.Send("GET", "/users?limit=2", ("If-None-Match", tag)).Is(HttpStatusCode.NotModified);
        Assert.Equal(tag, same.Tag());
        await Client.Put("c", """{"name":"Bea"}""").Is(HttpStatusCode.OK);
        await Client.Send("GET", "/users?limit=2", ("If-None-Match", tag)).Is(HttpStatusCode.NotModified);

        await Client.Delete("c").Is(HttpStatusCode.NoContent);
        var last = await Client.Send("GET", "/users?limit=2", ("If-None-Match", tag)).Is(HttpStatusCode.OK);
        await Client.Put("b").Is(HttpStatusCode.OK); // changes nothing
        await Client.Send("GET", "/users?limit=2", ("If-None-Match", last.Tag())).Is(HttpStatusCode.NotModified);
        await Client.Put("b", """{"name":"Bea"}""").Is(HttpStatusCode.OK);
        await Client.Send("GET", "/users?limit=2", ("If-None-Match", last.Tag())).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_page_of_the_largest_users_is_bounded_in_bytes_and_leads_on()
    {
        var attributes = string.Join(',', Enumerable.Range(10, 32).Select(number => $"\"{number}\":\"{new string('<', 1024)}\""));
        string[] all = [.. Enumerable.Range(0, 201).Select(i => $"u{i:000}")];
        foreach (var chunk in all.Chunk(20))
        {
            await Task.WhenAll(chunk.Select(id => Client.Put(id, $$$"""{"name":"Ana","attributes":{{{{attributes}}}}}""").Is(HttpStatusCode.Created)));
        }

        var seen = new List<string>();
        var target = "/users?limit=200";
        while (target is not null)
        {
            var length = (await Client.Send("GET", target)).Content.Headers.ContentLength;
            Assert.InRange(length!.Value, 1, (256 * 1024) + 40_000);
            (var page, _, target) = await ReadAsync(target);
            Assert.NotEmpty(page);
            seen.AddRange(page);
        }

        Assert.Equal(all, seen);
    }

    // RFC 9110 section 9.3.2: a response to HEAD may omit headers whose values are known only when the content is generated.
    [Fact]
    public async Task Head_makes_no_page_unless_a_condition_asks_for_its_tag()
    {
        var operations = 0;
        await using var api = new ApiFactory
        {
            Configure = services => services.AddSingleton<IUserStore>(new StoreDouble(_ => Task.FromResult(operations++))),
        };
        using var client = api.CreateClient();

        var head = await client.Send("HEAD", "/users?limit=1").Is(HttpStatusCode.OK);
        Assert.Equal("application/json; charset=utf-8", head.Content.Headers.ContentType?.ToString());
        Assert.False(head.Content.Headers.Contains("Content-Length"));
        Assert.False(head.Headers.Contains("ETag"));
        Assert.False(head.Headers.Contains("Link"));
        await client.Send("HEAD", "/users?limit=0").Is(HttpStatusCode.UnprocessableEntity);
        await client.Send("HEAD", "/users", ("If-Match", "x")).Is(HttpStatusCode.BadRequest);
        Assert.Equal(0, operations);

        var tag = (await client.Send("GET", "/users")).Tag();
        await client.Send("HEAD", "/users", ("If-None-Match", tag)).Is(HttpStatusCode.NotModified);
        await client.Send("HEAD", "/users", ("If-Match", "\"x\"")).Is(HttpStatusCode.PreconditionFailed);
        var known = await client.Send("HEAD", "/users", ("If-None-Match", "\"x\"")).Is(HttpStatusCode.OK);
        Assert.Equal(tag, known.Tag());
        Assert.False(known.Content.Headers.Contains("Content-Length"));
    }

    private async Task PutAsync(IEnumerable<string> ids) => await Task.WhenAll(ids.Select(id => Client.Put(id).Is(HttpStatusCode.Created)));

    /// <summary>A page's ids, its <c>next</c>, and the target of its <c>Link</c> header.</summary>
    private async Task<(List<string> Ids, string? Next, string? Target)> ReadAsync(string target)
    {
        var response = await Client.Send("GET", target).Is(HttpStatusCode.OK);
        var page = await response.Read();
        var ids = page.GetProperty("items").EnumerateArray().Select(user => user.GetProperty("id").GetString()!).ToList();
        var next = page.GetProperty("next").GetString();
        var link = response.Headers.TryGetValues("Link", out var links)
            ? Regex.Match(Assert.Single(links), "^<(/users\\?[!-;=?-~]+)>; rel=\"next\"$")
            : null;
        Assert.Equal(next is not null, link?.Success ?? false);
        return (ids, next, link?.Groups[1].Value);
    }
}
