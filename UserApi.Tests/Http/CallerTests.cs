using System.Net;
using System.Text;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

/// <summary>Details of the HTTP contract that a strict caller checks.</summary>
public class CallerTests : HttpTest
{
    [Fact]
    public async Task The_service_makes_an_id_where_the_client_has_none()
    {
        var created = await Client.Send("POST", "/users", HttpSteps.Body("""{"name":"Ana"}""")).Is(HttpStatusCode.Created);

        var user = await created.Read();
        var id = user.GetProperty("id").GetString()!;
        Assert.Equal(7, Guid.Parse(id).Version);
        Assert.Equal($"/users/{id}", created.Headers.Location?.ToString());
        var read = await Client.Get(id).Is(HttpStatusCode.OK);
        Assert.Equal((user.ToString(), created.Tag()), (await read.Text(), read.Tag()));
    }

    [Fact]
    public async Task Users_that_are_posted_have_ids_of_their_own_in_the_order_of_their_time()
    {
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            ids.Add((await (await Client.Send("POST", "/users", HttpSteps.Body(HttpSteps.Ana)).Is(HttpStatusCode.Created)).Read()).GetProperty("id").GetString()!);
            await Task.Delay(2, TestContext.Current.CancellationToken); // ids contain a time in milliseconds
        }

        Assert.Equal(ids.Distinct().Order(StringComparer.Ordinal), ids);
    }

    [Theory]
    [InlineData("POST", "/users", """{"id":"ana","name":"Ana"}""")]
    [InlineData("PUT", "/users/one", """{"id":"other","name":"Ana"}""")]
    [InlineData("PUT", "/users/one", """{"id":1,"name":"Ana"}""")]
    public async Task A_body_with_the_id_of_somebody_else_is_refused(string method, string target, string body) =>
        await Client.Send(method, target, HttpSteps.Body(body)).IsInvalid("id");

    [Fact]
    public async Task Times_have_exactly_three_decimals()
    {
        for (var i = 0; i < 20; i++) // one time in ten ends with a zero
        {
            var user = await (await Client.Put("ana", $$"""{"name":"Ana {{i}}"}""")).Read();

            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", user.GetProperty("updatedAt").GetString());
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task What_was_read_can_be_put_back()
    {
        await Client.Put("ana", """{"name":"Ana","email":"ana@example.org"}""").Is(HttpStatusCode.Created);
        var read = await (await Client.Get("ana")).Text();

        await Client.Put("ana", read, ("Prefer", "handling=strict")).Is(HttpStatusCode.OK);
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    public async Task Members_that_are_not_known_are_named_where_the_client_asks_for_it(string method)
    {
        const string Body = """{"name":"Ana","nick":"A","version":"v","fon":1}""";
        await Client.Put("ana").Is(HttpStatusCode.Created);
        var mediaType = method == "PUT" ? HttpSteps.Json : HttpSteps.MergePatch;

        await Client.Send(method, "/users/ana", HttpSteps.Body(Body, mediaType)).Is(HttpStatusCode.OK);
        var problem = await Client.Send(method, "/users/ana", HttpSteps.Body(Body, mediaType), ("Prefer", "handling=strict"))
            .IsProblem(HttpStatusCode.UnprocessableEntity);

        Assert.Equal(["fon", "nick", "version"], problem.GetProperty("errors").Members());
    }

    [Theory]
    [InlineData("""{"name":"Ana","name":"Bea"}""", "The body must not name the member 'name' twice.")]
    [InlineData("""{"attributes":{"a":"1","a":"2"}}""", "The body must not name the member 'a' twice.")]
    [InlineData("{\n  \"name\": Ana }", "The body is not valid JSON at line 2, byte 11: 'A' is an invalid start of a value.")]
    [InlineData("{\"name\":\"Ana\"", "The body is not valid JSON at line 1, byte 14: ")]
    [InlineData("\uFEFF{\"name\":\"Ana\"}", "The body must not begin with a byte order mark (RFC 8259 section 8.1).")]
    public async Task A_body_that_cannot_be_read_is_refused_with_what_is_wrong_and_where(string body, string detail)
    {
        var problem = await Client.Put("ana", body).IsProblem(HttpStatusCode.BadRequest);

        Assert.StartsWith(detail, problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task A_body_that_is_too_deep_or_no_UTF_8_is_refused_with_where()
    {
        var deep = await Client.Put("ana", $$"""{"name":"Ana","x":{{new string('[', 100)}}{{new string(']', 100)}}}""").IsProblem(HttpStatusCode.BadRequest);
        var latin = await Client.Send("PUT", "/users/ana", HttpSteps.Body(Encoding.Latin1.GetBytes("""{"name":"José"}"""))).IsProblem(HttpStatusCode.BadRequest);

        Assert.Contains("depth of 64", deep.GetProperty("detail").GetString());
        Assert.Equal("The body must be UTF-8: byte 12 is not.", latin.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task A_compressed_body_is_refused_with_what_is_accepted()
    {
        var body = HttpSteps.Body(HttpSteps.Ana);
        body.Headers.ContentEncoding.Add("gzip");

        var response = await Client.Send("PUT", "/users/ana", body);

        Assert.Equal(HttpStatusCode.UnsupportedMediaType, response.StatusCode);
        Assert.Equal(["identity"], response.Headers.GetValues("Accept-Encoding"));
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused_with_the_limit()
    {
        var problem = await Client.Put("ana", $$"""{"name":"Ana","x":"{{new string('x', 65536)}}"}""").IsProblem(HttpStatusCode.RequestEntityTooLarge);

        Assert.Equal("The body must have at most 65,536 bytes (Limits:MaxBodyBytes).", problem.GetProperty("detail").GetString());
    }
}
