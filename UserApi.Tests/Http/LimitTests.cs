using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class LimitTests
{
    private const int MaxBody = 64 * 1024;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_may_have_64_KiB_and_not_a_byte_more(bool isChunked)
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        // Kestrel counts the chunk framing, too.
        await PutAsync(isChunked ? MaxBody - 256 : MaxBody).Is(HttpStatusCode.Created);
        await PutAsync(MaxBody + 1).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        await PutAsync(3 * MaxBody).IsProblem(HttpStatusCode.RequestEntityTooLarge);
        await client.Send("PATCH", "/users/ana", HttpSteps.Body(HttpSteps.Ana.PadRight(MaxBody + 1), HttpSteps.MergePatch))
            .IsProblem(HttpStatusCode.RequestEntityTooLarge);
        await client.Put("ana").Is(HttpStatusCode.OK);

        Task<HttpResponseMessage> PutAsync(int length) => client.Send(
            "PUT", "/users/ana", HttpSteps.Body(HttpSteps.Ana.PadRight(length)), isChunked ? [("Transfer-Encoding", "chunked")] : []);
    }

    [Fact]
    public async Task A_body_that_is_announced_too_large_is_refused_before_it_comes()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var answer = await client.SendRaw(
            "PUT /users/ana HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 413 ", answer);
        Assert.Contains("application/problem+json", answer);
    }

    [Fact]
    public async Task The_limit_of_a_body_can_be_set()
    {
        await using var api = new ApiFactory(("Limits:MaxBodyBytes", "20"));
        using var client = api.CreateClient();

        await client.Put("ana", HttpSteps.Ana.PadRight(20)).Is(HttpStatusCode.Created);
        var problem = await client.Put("ana", HttpSteps.Ana.PadRight(21)).IsProblem(HttpStatusCode.RequestEntityTooLarge);

        var detail = problem.GetProperty("detail").GetString()!;
        Assert.Contains("at most 20 bytes", detail);
        var put = (await (await client.Send("GET", "/openapi.json")).Read()).GetProperty("paths").GetProperty("/users/{id}").GetProperty("put");
        Assert.Contains(detail, put.GetProperty("requestBody").GetProperty("description").GetString());
        Assert.Contains(detail, put.GetProperty("responses").GetProperty("413").ToString());
        Assert.DoesNotContain("65,536", put.ToString());
    }

    [Fact]
    public async Task A_request_that_takes_too_long_is_worth_another_attempt()
    {
        var store = new StoreDouble(cancellationToken => Task.Delay(Timeout.Infinite, cancellationToken));
        await using var api = new ApiFactory(("Limits:RequestTimeout", "00:00:00.3"), ("Store:Timeout", "00:00:00.2"))
        {
            Configure = services => services.AddSingleton<IUserStore>(store),
        };
        using var client = api.CreateClient();
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
        var clock = Stopwatch.StartNew();

        var answers = await Task.WhenAll(
            client.Get("ana"), client.Put("ana"), client.Patch("ana", "{}"), client.Delete("ana"), client.Send("GET", "/users"));

        Assert.InRange(clock.Elapsed, TimeSpan.FromSeconds(0.25), TimeSpan.FromSeconds(2));
        foreach (var answer in answers)
        {
            await Task.FromResult(answer).IsProblem(HttpStatusCode.ServiceUnavailable);
            Assert.NotNull(answer.Headers.RetryAfter);
            Assert.Equal(
                answer.RequestMessage!.Method != HttpMethod.Get,
                (await answer.Text()).Contains("may have been applied", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task A_body_that_does_not_come_takes_too_long()
    {
        await using var api = new ApiFactory(("Limits:RequestTimeout", "00:00:00.3"), ("Store:Timeout", "00:00:00.2"));
        using var client = api.CreateClient();

        var answer = await client.SendRaw(
            "PUT /users/ana HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"name\"");

        Assert.StartsWith("HTTP/1.1 503 ", answer);
        Assert.Contains("application/problem+json", answer);
        Assert.Contains("\r\nRetry-After: ", answer);
    }

    [Fact]
    public async Task A_connection_too_many_is_closed_unanswered()
    {
        await using var api = new ApiFactory(("Limits:MaxConnections", "1"));
        using var client = api.CreateClient();
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK); // keeps its connection open

        using var other = api.CreateClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => other.Send("GET", "/alive"));
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_request_that_finds_the_queue_full_is_refused_at_once()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new StoreDouble(gate.Task.WaitAsync);
        await using var api = new ApiFactory(("Limits:MaxConcurrentRequests", "2"), ("Limits:MaxQueuedRequests", "3"))
        {
            Configure = services => services.AddSingleton<IUserStore>(store),
        };
        using var client = api.CreateClient();

        // Until the gate opens, two requests are in the store and three in the queue. The others must be refused before that.
        var requests = Enumerable.Range(0, 12).Select(_ => client.Get("ana")).ToList();
        var clock = Stopwatch.StartNew();
        for (var refused = 0; refused < 7; refused++)
        {
            var answer = await Task.WhenAny(requests);
            requests.Remove(answer);
            var problem = await answer.IsProblem(HttpStatusCode.ServiceUnavailable);
            Assert.Equal("/problems/busy", problem.GetProperty("type").GetString());
            Assert.NotNull((await answer).Headers.RetryAfter);
        }

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
        await client.Send("GET", "/health").Is(HttpStatusCode.OK);
        Assert.DoesNotContain(requests, request => request.IsCompleted);
        gate.SetResult();
        foreach (var request in requests)
        {
            await request.IsProblem(HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task A_request_that_waits_too_long_for_its_turn_takes_too_long()
    {
        var store = new StoreDouble(cancellationToken => Task.Delay(Timeout.Infinite, cancellationToken));
        await using var api = new ApiFactory(("Limits:MaxConcurrentRequests", "1"), ("Limits:RequestTimeout", "00:00:00.3"), ("Store:Timeout", "00:00:00.2"))
        {
            Configure = services => services.AddSingleton<IUserStore>(store),
        };
        using var client = api.CreateClient();

        var answers = Enumerable.Range(0, 4).Select(i => i % 2 == 0 ? client.Get("ana") : client.Put("ana")).ToList();

        foreach (var answer in answers)
        {
            await answer.IsProblem(HttpStatusCode.ServiceUnavailable);
            Assert.NotNull((await answer).Headers.RetryAfter);
        }
    }

    [Fact]
    public async Task A_client_that_asks_too_often_is_told_when_to_come_back()
    {
        await using var api = new ApiFactory(("Limits:RequestsPerSecondPerCaller", "1"), ("Limits:BurstPerCaller", "2"));
        using var client = api.CreateClient();

        await client.Get("ana").Is(HttpStatusCode.NotFound);
        await client.Get("ana").Is(HttpStatusCode.NotFound);
        var refused = client.Get("ana");

        await refused.IsProblem(HttpStatusCode.TooManyRequests);
        var wait = (await refused).Headers.RetryAfter?.Delta ?? TimeSpan.Zero;
        Assert.Equal(TimeSpan.FromSeconds(1), wait);
        foreach (var probe in (string[])["/", "/alive", "/health"])
        {
            await client.Send("GET", probe).Is(HttpStatusCode.OK);
        }

        await Task.Delay(wait + TimeSpan.FromSeconds(0.2), TestContext.Current.CancellationToken);
        await client.Get("ana").Is(HttpStatusCode.NotFound);
    }
}
