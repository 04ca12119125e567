using System.Net;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class PreconditionTests : HttpTest
{
    private const string Old = """{"name":"Old"}""";
    private const string Now = """{"name":"Now"}""";

    private static readonly string[] s_methods = ["GET", "HEAD", "PUT", "PATCH", "DELETE"];

    // TAG stands for the current entity tag, OLD for the previous one.
    public static TheoryData<string, string, bool> OnAUser => new()
    {
        { "If-Match", "TAG", true },
        { "If-Match", "*", true },
        { "If-Match", "\"x\", TAG", true },
        { "If-Match", "TAG,\"x\"", true },
        { "If-Match", "W/\"x\",\t TAG", true },
        { "If-Match", "\"a,b\", TAG", true },
        { "If-Match", "OLD", false },
        { "If-Match", "\"x\", OLD", false },
        { "If-Match", "\"\"", false },
        { "If-Match", "W/TAG", false },
        { "If-Match", "\"*\"", false },
        { "If-None-Match", "OLD", true },
        { "If-None-Match", "\"x\", \"y\"", true },
        { "If-None-Match", "\"*\"", true },
        { "If-None-Match", "TAG", false },
        { "If-None-Match", "W/TAG", false },
        { "If-None-Match", "\"x\", TAG", false },
        { "If-None-Match", "*", false },
    };

    public static TheoryData<string> NoTags => new(
        "", " ", ",", "x", "\"x", "x\"", "'x'", "\"x\" \"y\"", "\"x\", y", "W/x", "W/", "**", "*, \"x\"", "\"x\", *", "*, *", "W/*");

    [Theory]
    [MemberData(nameof(OnAUser))]
    public async Task A_precondition_on_a_user_lets_pass_or_fails(string header, string value, bool passes)
    {
        foreach (var method in s_methods)
        {
            var old = (await Client.Put("ana", Old).Is(HttpStatusCode.Created)).Tag();
            var tag = (await Client.Put("ana", Now).Is(HttpStatusCode.OK)).Tag();
            var isRead = method is "GET" or "HEAD";

            var response = await Ask(method, (header, value.Replace("TAG", tag).Replace("OLD", old)));

            await response.Is(
                passes ? method == "DELETE" ? HttpStatusCode.NoContent : HttpStatusCode.OK :
                isRead && header == "If-None-Match" ? HttpStatusCode.NotModified :
                HttpStatusCode.PreconditionFailed);
            if (response.StatusCode == HttpStatusCode.NotModified)
            {
                Assert.Equal(tag, response.Tag());
                Assert.Equal("", await response.Text());
            }
            else if (response.StatusCode == HttpStatusCode.PreconditionFailed && method != "HEAD")
            {
                await Task.FromResult(response).IsProblem(HttpStatusCode.PreconditionFailed);
            }

            // A failed request must not have changed the user.
            var now = await Client.Get("ana");
            Assert.Equal(!isRead && passes, now.StatusCode == HttpStatusCode.NotFound || now.Tag() != tag);
            await Client.Delete("ana");
        }
    }

    // A precondition is ignored if the response without it would be neither 2xx nor 412 (RFC 9110 section 13.2.1). If there is no such
    // user, only PUT succeeds, so only PUT can fail its precondition.
    [Theory]
    [InlineData("If-Match", "*", false)]
    [InlineData("If-Match", "\"x\"", false)]
    [InlineData("If-Match", "W/\"x\", \"y\"", false)]
    [InlineData("If-None-Match", "*", true)]
    [InlineData("If-None-Match", "\"x\"", true)]
    public async Task A_precondition_on_no_user_matters_to_put_only(string header, string value, bool passes)
    {
        foreach (var method in s_methods)
        {
            await Ask(method, (header, value)).Is(
                method != "PUT" ? HttpStatusCode.NotFound : passes ? HttpStatusCode.Created : HttpStatusCode.PreconditionFailed);
            await Client.Delete("ana");
        }
    }

    [Theory]
    [MemberData(nameof(NoTags))]
    public async Task A_precondition_that_cannot_be_read_is_refused(string value)
    {
        var tag = (await Client.Put("ana").Is(HttpStatusCode.Created)).Tag();
        foreach (var header in (string[])["If-Match", "If-None-Match"])
        {
            foreach (var method in s_methods)
            {
                var answer = Ask(method, (header, value));
                await answer.Is(HttpStatusCode.BadRequest);
                Assert.Equal("application/problem+json", (await answer).Content.Headers.ContentType?.MediaType);
            }
        }

        Assert.Equal(tag, (await Client.Get("ana")).Tag());
    }

    [Theory]
    [InlineData("TAG", "*", 412)]
    [InlineData("TAG", "TAG", 412)]
    [InlineData("\"x\"", "\"x\"", 412)]
    [InlineData("TAG", "\"x\"", 200)]
    public async Task Both_preconditions_have_to_hold(string ifMatch, string ifNoneMatch, int status)
    {
        var tag = (await Client.Put("ana").Is(HttpStatusCode.Created)).Tag();

        await Ask("PUT", ("If-Match", ifMatch.Replace("TAG", tag)), ("If-None-Match", ifNoneMatch.Replace("TAG", tag)))
            .Is((HttpStatusCode)status);
    }

    [Fact]
    public async Task A_list_of_tags_may_take_several_lines()
    {
        var tag = (await Client.Put("ana").Is(HttpStatusCode.Created)).Tag();
        var other = (await Client.Put("bob").Is(HttpStatusCode.Created)).Tag();

        var both = await Client.SendRaw(
            $"DELETE /users/ana HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nIf-Match: {other}\r\nIf-Match: {tag}\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 204 ", both);
    }

    [Fact]
    public async Task The_tag_of_one_user_is_not_that_of_another()
    {
        var ana = (await Client.Put("ana").Is(HttpStatusCode.Created)).Tag();
        await Client.Put("bob").Is(HttpStatusCode.Created);

        await Client.Put("bob", HttpSteps.Ana, ("If-Match", ana)).IsProblem(HttpStatusCode.PreconditionFailed);
    }

    [Fact]
    public async Task A_user_that_is_made_again_has_no_tag_of_its_earlier_lives()
    {
        var tags = new HashSet<string>();
        for (var life = 0; life < 20; life++)
        {
            Assert.True(tags.Add((await Client.Put("ana", Old).Is(HttpStatusCode.Created)).Tag()));
            Assert.True(tags.Add((await Client.Put("ana", Now).Is(HttpStatusCode.OK)).Tag()));
            await Client.Delete("ana").Is(HttpStatusCode.NoContent);
        }

        await Client.Put("ana").Is(HttpStatusCode.Created);
        foreach (var tag in tags)
        {
            await Client.Delete("ana", ("If-Match", tag)).IsProblem(HttpStatusCode.PreconditionFailed);
        }
    }

    private Task<HttpResponseMessage> Ask(string method, params (string Name, string Value)[] headers) => method switch
    {
        "PUT" => Client.Put("ana", HttpSteps.Ana, headers),
        "PATCH" => Client.Patch("ana", HttpSteps.Ana, headers),
        _ => Client.Send(method, "/users/ana", headers),
    };
}
