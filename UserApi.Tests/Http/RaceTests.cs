using System.Net;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class RaceTests : HttpTest
{
    private const int Writers = 100;

    [Fact]
    public async Task Of_many_first_puts_one_creates_and_the_others_replace()
    {
        var answers = await AllAtOnce(i => Client.Put("ana", $$"""{"name":"Ana {{i}}"}"""));

        Assert.Equal(1, answers.Count(answer => answer.StatusCode == HttpStatusCode.Created));
        Assert.Equal(Writers - 1, answers.Count(answer => answer.StatusCode == HttpStatusCode.NoContent));
        Assert.Equal(Writers, answers.Select(answer => answer.Tag()).Distinct().Count());
        var page = await (await Client.Send("GET", "/users")).Read();
        Assert.Equal(1, page.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task Of_many_puts_that_want_to_be_first_one_wins()
    {
        var answers = await AllAtOnce(i => Client.Put("ana", $$"""{"name":"Ana {{i}}"}""", ("If-None-Match", "*")));

        await AssertOneWins(answers, HttpStatusCode.Created);
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    [InlineData("PUT, PATCH")]
    public async Task Of_many_writers_with_the_same_tag_one_wins(string methods)
    {
        var tag = (await Client.Put("ana").Is(HttpStatusCode.Created)).Tag();

        var answers = await AllAtOnce(i => methods.Split(", ")[i % methods.Split(", ").Length] switch
        {
            "PUT" => Client.Put("ana", $$"""{"name":"Ana {{i}}"}""", ("If-Match", tag)),
            "PATCH" => Client.Patch("ana", $$"""{"name":"Ana {{i}}"}""", ("If-Match", tag)),
            _ => Client.Delete("ana", ("If-Match", tag)),
        });

        if (methods == "DELETE")
        {
            // Who comes after the one that deleted finds no user, and no precondition matters.
            Assert.Equal(1, answers.Count(answer => answer.StatusCode == HttpStatusCode.NoContent));
            Assert.Equal(Writers - 1, answers.Count(answer => answer.StatusCode == HttpStatusCode.NotFound));
        }
        else
        {
            await AssertOneWins(answers, HttpStatusCode.NoContent);
        }
    }

    [Fact]
    public async Task Of_many_patches_none_is_lost()
    {
        await Client.Put("ana").Is(HttpStatusCode.Created);

        var answers = await AllAtOnce(i => Client.Patch("ana", i < 32
            ? $$$"""{"attributes":{"k{{{i}}}":"v{{{i}}}"}}"""
            : $$"""{"name":"Ana {{i}}"}"""));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode));
        Assert.Equal(Writers, answers.Select(answer => answer.Tag()).Distinct().Count());
        var user = await (await Client.Get("ana")).Read();
        Assert.Equal(
            Enumerable.Range(0, 32).Select(i => ($"k{i}", $"v{i}")).Order(),
            user.GetProperty("attributes").EnumerateObject().Select(entry => (entry.Name, entry.Value.GetString()!)).Order());
        Assert.StartsWith("Ana ", user.GetProperty("name").GetString());
    }

    [Fact]
    public async Task Counting_with_if_match_and_retries_loses_no_count()
    {
        const int counters = 8;
        const int counts = 10;
        await Client.Put("ana", """{"name":"0"}""").Is(HttpStatusCode.Created);

        await Task.WhenAll(Enumerable.Range(0, counters).Select(async _ =>
        {
            for (var done = 0; done < counts;)
            {
                var read = await Client.Get("ana").Is(HttpStatusCode.OK);
                var count = int.Parse((await read.Read()).GetProperty("name").GetString()!, System.Globalization.CultureInfo.InvariantCulture);
                var written = await Client.Put("ana", $$"""{"name":"{{count + 1}}"}""", ("If-Match", read.Tag()));
                done += written.StatusCode == HttpStatusCode.NoContent ? 1 : 0;
            }
        }));

        Assert.Equal($"{counters * counts}", (await (await Client.Get("ana")).Read()).GetProperty("name").GetString());
    }

    private async Task AssertOneWins(HttpResponseMessage[] answers, HttpStatusCode status)
    {
        var winner = Assert.Single(answers, answer => answer.StatusCode == status);
        Assert.Equal(Writers - 1, answers.Count(answer => answer.StatusCode == HttpStatusCode.PreconditionFailed));
        var user = await Client.Get("ana");
        Assert.Equal(winner.Tag(), user.Tag());
        Assert.Equal($"Ana {Array.IndexOf(answers, winner)}", (await user.Read()).GetProperty("name").GetString());
    }

    private static async Task<HttpResponseMessage[]> AllAtOnce(Func<int, Task<HttpResponseMessage>> send)
    {
        using var start = new SemaphoreSlim(0);
        var requests = Enumerable.Range(0, Writers).Select(async i =>
        {
            await start.WaitAsync(TestContext.Current.CancellationToken);
            return await send(i);
        }).ToArray();
        start.Release(Writers);
        return await Task.WhenAll(requests);
    }
}
