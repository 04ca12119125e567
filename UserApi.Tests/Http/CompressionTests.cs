using System.Net;
using System.Text.Json;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

/// <summary>Only pages and documents are compressed, as RFC 9110 sections 8.4, 8.8.3.3 and 12.5.3 describe.</summary>
public sealed class CompressionTests
{
    private static readonly string[] s_documents = ["/openapi.json", "/docs/index.js", "/docs/swagger-ui.css"];

    [Theory]
    [InlineData("br", "br")]
    [InlineData("gzip", "gzip")]
    [InlineData("gzip, deflate, br", "br")]
    [InlineData("GZIP;q=1.0, br;q=0.1", "gzip")]
    [InlineData("gzip;q=0", null)]
    [InlineData("gzip;q=0, br;q=0, *", null)]
    [InlineData("br;q=0, *", "gzip")]
    [InlineData("*", "br")]
    [InlineData("*;q=0", null)]
    [InlineData("identity, gzip;q=0.5", null)]
    [InlineData("deflate", null)]
    [InlineData("gzip;q=much", null)]
    [InlineData("", null)]
    [InlineData(null, null)]
    public async Task A_client_gets_the_coding_that_it_likes_best(string? accepted, string? coding)
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        await FillAsync(client, 20);

        foreach (var target in (string[])["/users", .. s_documents])
        {
            var plain = await client.Send("GET", target).Is(HttpStatusCode.OK);
            var response = await client.Send("GET", target, accepted is null ? [] : [("Accept-Encoding", accepted)]).Is(HttpStatusCode.OK);

            Assert.Equal(coding is null ? [] : [coding], response.Content.Headers.ContentEncoding);
            Assert.Equal(["Accept-Encoding"], response.Headers.Vary);
            Assert.Equal(await plain.Text(), await response.Content.ReadDecodedAsync());
            Assert.Equal(coding is not null, response.Content.Headers.ContentLength < plain.Content.Headers.ContentLength / 2);
        }
    }

    [Fact]
    public async Task A_compressed_page_has_a_weak_tag_that_is_known_again()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        await FillAsync(client, 20);
        var gzip = ("Accept-Encoding", "gzip");

        var strong = (await client.Send("GET", "/users")).Tag();
        var compressed = await client.Send("GET", "/users", gzip);
        var head = await client.Send("HEAD", "/users", gzip, ("If-None-Match", "\"other\"")).Is(HttpStatusCode.OK);

        Assert.Equal([$"W/{strong}"], compressed.Headers.GetValues("ETag"));
        Assert.Equal([$"W/{strong}"], head.Headers.GetValues("ETag"));
        Assert.Equal(["gzip"], head.Content.Headers.ContentEncoding);
        foreach (var tag in (string[])[strong, $"W/{strong}"])
        {
            var known = await client.Send("GET", "/users", gzip, ("If-None-Match", tag)).Is(HttpStatusCode.NotModified);
            Assert.Equal([$"W/{strong}"], known.Headers.GetValues("ETag"));
            Assert.Equal(["Accept-Encoding"], known.Headers.Vary);
            Assert.Empty(known.Content.Headers.ContentEncoding);
        }

        // Weak tags do not match under the strong comparison of If-Match (RFC 9110 section 13.1.1).
        await client.Send("GET", "/users", gzip, ("If-Match", $"W/{strong}")).Is(HttpStatusCode.PreconditionFailed);
        await client.Send("GET", "/users", gzip, ("If-Match", strong)).Is(HttpStatusCode.OK);

        await client.Put("u01", """{"name":"Ana"}""");
        await client.Send("GET", "/users", gzip, ("If-None-Match", $"W/{strong}")).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_user_and_a_short_page_and_an_error_are_never_compressed()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        await FillAsync(client, 3);
        var all = ("Accept-Encoding", "gzip, br");

        var page = await client.Send("GET", "/users", all).Is(HttpStatusCode.OK);
        var user = await client.Get("u01", all).Is(HttpStatusCode.OK);
        var error = await client.Send("GET", $"/users?limit={new string('x', 5000)}", all);
        var put = await client.Put("u01", """{"name":"Ana"}""", all, ("If-Match", user.Tag())).Is(HttpStatusCode.OK);

        Assert.All([page, user, error, put], response => Assert.Empty(response.Content.Headers.ContentEncoding));
        _ = page.Tag();
        Assert.Empty(user.Headers.Vary);
        Assert.Equal(HttpStatusCode.UnprocessableEntity, error.StatusCode);
    }

    [Fact]
    public async Task Pages_can_be_left_as_they_are()
    {
        await using var api = new ApiFactory(("Limits:CompressPages", "false"));
        using var client = api.CreateClient();
        await FillAsync(client, 20);

        var page = await client.Send("GET", "/users", ("Accept-Encoding", "br")).Is(HttpStatusCode.OK);

        Assert.Empty(page.Content.Headers.ContentEncoding);
        _ = page.Tag();
    }

    [Fact]
    public async Task Each_form_of_a_document_has_a_tag_of_its_own()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        foreach (var target in s_documents)
        {
            var tags = new HashSet<string>();
            foreach (var coding in (string[])["identity", "gzip", "br"])
            {
                var get = await client.Send("GET", target, ("Accept-Encoding", coding)).Is(HttpStatusCode.OK);
                var head = await client.Send("HEAD", target, ("Accept-Encoding", coding)).Is(HttpStatusCode.OK);
                var known = await client.Send("GET", target, ("Accept-Encoding", coding), ("If-None-Match", $"\"other\", W/{get.Tag()}"))
                    .Is(HttpStatusCode.NotModified);

                tags.Add(get.Tag());
                Assert.Equal(
                    (get.Tag(), get.Content.Headers.ContentLength, string.Concat(get.Content.Headers.ContentEncoding)),
                    (head.Tag(), head.Content.Headers.ContentLength, string.Concat(head.Content.Headers.ContentEncoding)));
                Assert.Equal(get.Tag(), known.Tag());
                Assert.Empty(known.Content.Headers.ContentEncoding);
            }

            Assert.Equal(3, tags.Count);
        }
    }

    [Fact]
    public async Task A_page_for_another_origin_varies_by_both()
    {
        await using var api = new ApiFactory(("Cors:AllowedOrigins:0", "https://app.example.org"), ("Cors:AllowedOrigins:1", "https://b.example.org"));
        using var client = api.CreateClient();

        var page = await client.Send("GET", "/users", ("Origin", "https://app.example.org"), ("Accept-Encoding", "br")).Is(HttpStatusCode.OK);

        Assert.Equal(["Accept-Encoding", "Origin"], page.Headers.Vary.Order());
    }

    private static async Task FillAsync(HttpClient client, int count)
    {
        for (var i = 1; i <= count; i++)
        {
            await client.Put($"u{i:00}", JsonSerializer.Serialize(new { name = $"User {i}", email = $"user{i}@example.org" })).Is(HttpStatusCode.Created);
        }
    }
}
