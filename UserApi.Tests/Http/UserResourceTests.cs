using System.Net;
using System.Text.Json;
using UserApi.Api.Http;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class UserResourceTests : HttpTest
{
    [Fact]
    public async Task A_first_put_creates_and_a_second_replaces()
    {
        var created = await Client.Put("ana").Is(HttpStatusCode.Created);
        var replaced = await Client.Put("ana", """{"name":"Bea"}""").Is(HttpStatusCode.OK);

        Assert.Equal("/users/ana", Assert.Single(created.Headers.GetValues("Location")));
        Assert.False(replaced.Headers.Contains("Location"));
        Assert.NotEqual(created.Tag(), replaced.Tag());
        var read = await Client.Get("ana");
        Assert.Equal((replaced.Tag(), await replaced.Text()), (read.Tag(), await read.Text()));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("return=minimal")]
    public async Task A_write_that_changes_nothing_is_answered_as_usual_and_keeps_the_tag_and_the_times(string? prefer)
    {
        const string Body = """{"name":"Ana","email":"ana@example.org","attributes":{"b":"1","a":"\t2"}}""";
        var created = await Client.Put("ana", Body).Is(HttpStatusCode.Created);
        (string, string)[] headers = prefer is null ? [] : [("Prefer", prefer)];
        var expected = prefer is null ? HttpStatusCode.OK : HttpStatusCode.NoContent;
        await Task.Delay(2, TestContext.Current.CancellationToken); // a changed updatedAt would differ by now

        foreach (var write in (Task<HttpResponseMessage>[])
        [
            Client.Put("ana", Body, headers),
            Client.Put("ana", Body, [.. headers, ("If-Match", created.Tag())]),
            Client.Patch("ana", "{}", headers),
            Client.Patch("ana", """{"name":"Ana","attributes":{"a":"\t2","none":null}}""", [.. headers, ("If-Match", "*")]),
        ])
        {
            var response = await write.Is(expected);
            Assert.Equal(created.Tag(), response.Tag());
            Assert.Equal(prefer is null ? await created.Text() : "", await response.Text());
        }

        await Client.Put("ana", Body, ("If-None-Match", "*")).IsProblem(HttpStatusCode.PreconditionFailed);
        await Client.Put("ana", Body, ("If-Match", "\"other\"")).IsProblem(HttpStatusCode.PreconditionFailed);
        await Client.Patch("ana", "{}", ("If-None-Match", created.Tag())).IsProblem(HttpStatusCode.PreconditionFailed);
        Assert.Equal(await created.Text(), await (await Client.Get("ana")).Text());
    }

    [Fact]
    public async Task A_user_is_json_with_a_tag()
    {
        await Client.Put("ana", """{"name":"Ana","email":"ana@example.org","attributes":{"team":"blue"}}""").Is(HttpStatusCode.Created);

        var response = await Client.Get("ana").Is(HttpStatusCode.OK);

        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.StartsWith(
            """{"id":"ana","name":"Ana","email":"ana@example.org","attributes":{"team":"blue"},"createdAt":""", await response.Text());
        Assert.NotEmpty(response.Tag());
    }

    [Fact]
    public async Task No_user_is_a_problem_with_the_error_of_simple_user_api()
    {
        foreach (var request in (Task<HttpResponseMessage>[])[Client.Get("ana"), Client.Patch("ana", "{}"), Client.Delete("ana")])
        {
            var problem = await request.IsProblem(HttpStatusCode.NotFound);
            Assert.Equal("User not found", problem.GetProperty("error").GetString());
        }
    }

    [Fact]
    public async Task A_deleted_user_is_gone()
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);

        var deleted = await Client.Delete("ana").Is(HttpStatusCode.NoContent);

        Assert.Equal("", await deleted.Text());
        await Client.Get("ana").IsProblem(HttpStatusCode.NotFound);
        await Client.Delete("ana").IsProblem(HttpStatusCode.NotFound);
        await Client.Put("ana").Is(HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("/users/ana", HttpStatusCode.OK)]
    [InlineData("/users/none", HttpStatusCode.NotFound)]
    [InlineData("/users/..", HttpStatusCode.UnprocessableEntity)]
    [InlineData("/users/$", HttpStatusCode.UnprocessableEntity)]
    [InlineData("/users?limit=0", HttpStatusCode.UnprocessableEntity)]
    [InlineData("/", HttpStatusCode.OK)]
    [InlineData("/nowhere", HttpStatusCode.NotFound)]
    public async Task Head_answers_as_get_without_the_body(string target, HttpStatusCode status)
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);
        await Client.Put("bob").Is(HttpStatusCode.Created);

        var get = await Client.Send("GET", target).Is(status);
        var head = await Client.Send("HEAD", target).Is(status);

        Assert.Equal(Headers(get), Headers(head));
        Assert.True(get.Content.Headers.ContentLength > 0);
        Assert.Equal("", await head.Text());

        static IEnumerable<string> Headers(HttpResponseMessage response) => response.Headers.Concat(response.Content.Headers)
            .Where(header => header.Key != "Date").Select(header => $"{header.Key}: {string.Join(", ", header.Value)}").Order(StringComparer.Ordinal);
    }

    [Fact]
    public async Task Text_is_written_without_needless_escapes()
    {
        const string Members = """
            "name":"<b>O'Neil & Söhne</b> + 李 \\","attributes":{"a":"\"\n\t"}
            """;
        await Client.Put("ana", $"{{{Members}}}").Is(HttpStatusCode.Created);

        Assert.Contains(Members, await (await Client.Get("ana").Is(HttpStatusCode.OK)).Text());
        Assert.Contains(Members, await (await Client.Send("GET", "/users").Is(HttpStatusCode.OK)).Text());
    }

    [Fact]
    public void Problems_are_written_so_too_and_what_is_no_text_stays_escaped()
    {
        // Control characters, JavaScript's line terminators, a lone surrogate (which UTF-8 cannot encode), and ordinary text.
        const string Detail = "\0\u001b\u007f \u2028\u2029 \ud83e '<&>+\u00e9";
        var problem = new ProblemBody("about:blank", "", 400, Detail, "", null, null);

        Assert.Contains(
            """
            "detail":"\u0000\u001B\u007F \u2028\u2029 \uFFFD '<&>+é"
            """,
            JsonSerializer.Serialize(problem, ProblemJson.Readable.ProblemBody));
    }

    // RFC 7240: names and values are tokens or quoted strings, case-insensitive, and the first of a name counts.
    [Theory]
    [InlineData("return=minimal", true)]
    [InlineData("Return=Minimal", true)]
    [InlineData("return=\"minimal\"", true)]
    [InlineData("return = minimal", true)]
    [InlineData("return=minimal; foo=bar", true)]
    [InlineData("respond-async, return=minimal", true)]
    [InlineData("respond-async,wait=10 , return=minimal", true)]
    [InlineData("return=minimal, return=representation", true)]
    [InlineData("return=representation, return=minimal", false)]
    [InlineData("return=representation", false)]
    [InlineData("return", false)]
    [InlineData("return=", false)]
    [InlineData("return=minimalist", false)]
    [InlineData("wait=10; return=minimal", false)]
    [InlineData("minimal", false)]
    [InlineData(",;=\"", false)]
    [InlineData("", false)]
    public async Task The_user_is_left_out_where_that_is_preferred(string prefer, bool isMinimal)
    {
        var created = await Client.Put("ana", HttpSteps.Ana, ("Prefer", prefer)).Is(HttpStatusCode.Created);
        var replaced = await Client.Put("ana", HttpSteps.Ana, ("Prefer", prefer)).Is(isMinimal ? HttpStatusCode.NoContent : HttpStatusCode.OK);
        var patched = await Client.Patch("ana", "{}", ("Prefer", prefer)).Is(isMinimal ? HttpStatusCode.NoContent : HttpStatusCode.OK);

        Assert.Equal("/users/ana", Assert.Single(created.Headers.GetValues("Location")));
        foreach (var response in (HttpResponseMessage[])[created, replaced, patched])
        {
            Assert.NotEmpty(response.Tag());
            Assert.Equal(isMinimal, response.Headers.Contains("Preference-Applied"));
            Assert.Equal(!isMinimal, (await response.Text()).StartsWith("""{"id":"ana","name":"Ana",""", StringComparison.Ordinal));
        }

        Assert.Equal(isMinimal ? "" : await (await Client.Get("ana")).Text(), await patched.Text());
    }

    [Fact]
    public async Task A_preference_may_come_in_a_line_of_its_own()
    {
        await Client.Put("ana", HttpSteps.Ana, ("Prefer", "respond-async"), ("Prefer", "return=minimal")).Is(HttpStatusCode.Created);
        await Client.Put("ana", HttpSteps.Ana, ("Prefer", "respond-async"), ("Prefer", "return=minimal")).Is(HttpStatusCode.NoContent);
    }

    [Theory]
    [InlineData("PUT", null, true)]
    [InlineData("PUT", "application/json", true)]
    [InlineData("PUT", "Application/JSON", true)]
    [InlineData("PUT", "application/json;charset=utf-8", true)]
    [InlineData("PUT", "application/json; charset=UTF-8", true)]
    [InlineData("PUT", "application/json; charset=\"utf-8\"", true)]
    [InlineData("PUT", "application/json; charset=utf-16", false)]
    [InlineData("PUT", "application/json; charset=iso-8859-1", false)]
    [InlineData("PUT", "application/merge-patch+json", false)]
    [InlineData("PUT", "application/jsonp", false)]
    [InlineData("PUT", "application/*", false)]
    [InlineData("PUT", "text/plain", false)]
    [InlineData("PUT", "application/x-www-form-urlencoded", false)]
    [InlineData("PUT", "multipart/form-data; boundary=x", false)]
    [InlineData("PUT", "json", false)]
    [InlineData("PUT", "", false)]
    [InlineData("PATCH", "application/merge-patch+json", true)]
    [InlineData("PATCH", "application/merge-patch+json; charset=utf-8", true)]
    [InlineData("PATCH", "application/json", false)]
    [InlineData("PATCH", "application/json-patch+json", false)]
    [InlineData("PATCH", null, false)]
    public async Task A_body_of_another_media_type_is_refused(string method, string? mediaType, bool isSupported)
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);

        var answer = Client.Send(method, "/users/ana", HttpSteps.Body(HttpSteps.Ana, mediaType));

        if (isSupported)
        {
            await answer.Is(HttpStatusCode.OK);
        }
        else
        {
            await answer.IsProblem(HttpStatusCode.UnsupportedMediaType);
            var accepted = (await answer).Headers.TryGetValues("Accept-Patch", out var values) ? values.Single() : null;
            Assert.Equal(method == "PATCH" ? HttpSteps.MergePatch : null, accepted);
        }
    }

    [Theory]
    [InlineData("POST", "/users/ana", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("OPTIONS", "/users/ana", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("TRACE", "/users/ana", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("BREW", "/users/ana", "DELETE, GET, HEAD, PATCH, PUT")]
    [InlineData("PUT", "/users", "GET, HEAD, POST")]
    [InlineData("DELETE", "/users/", "GET, HEAD, POST")]
    [InlineData("POST", "/", "GET, HEAD")]
    [InlineData("DELETE", "/", "GET, HEAD")]
    public async Task Another_method_is_refused_with_those_that_are_allowed(string method, string target, string allowed)
    {
        var answer = Client.Send(method, target);

        await answer.IsProblem(HttpStatusCode.MethodNotAllowed);
        Assert.Equal(allowed.Split(", "), (await answer).Content.Headers.Allow.Order(StringComparer.Ordinal));
    }
}
