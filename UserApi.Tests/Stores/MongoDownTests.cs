using System.Diagnostics;
using System.Net;
using MongoDB.Bson;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>
/// If the database does not respond, callers wait at most 2 s. No other test runs meanwhile, so that the measured times are the API's own.
/// </summary>
[Collection(nameof(MongoDownTests))]
[CollectionDefinition(nameof(MongoDownTests), DisableParallelization = true)]
public sealed class MongoDownTests : IAsyncLifetime
{
    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(2);

    private MongoWireServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await MongoWireServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    // mayBeApplied is whether the response to a write says that it may have been applied. It is null where that depends on the state of the
    // driver's pool or monitor at that moment. Saying it too often does no harm.
    [Theory]
    [InlineData("not started", false)]
    [InlineData("stopped", null)]
    [InlineData("without a primary", null)]
    [InlineData("a black hole from the start", false)]
    [InlineData("a black hole", null)]
    [InlineData("too slow", true)]
    public async Task A_database_that_is_down_is_503_within_two_seconds_and_no_trouble_when_it_is_back(string state, bool? mayBeApplied)
    {
        var fromTheStart = state is "not started" or "a black hole from the start";
        if (fromTheStart)
        {
            Break(state);
        }

        await using var api = new ApiFactory(("ConnectionStrings:users", _server.ConnectionString));
        using var client = api.CreateClient();
        await client.Put("!"); // the first request compiles code, which must not be measured
        if (!fromTheStart)
        {
            await client.Put("ana").Is(HttpStatusCode.Created);
            Break(state);
        }

        await AssertUnavailableAsync(client, mayBeApplied);

        Repair(state);
        await AssertRecoversAsync(client);
    }

    [Fact]
    public async Task A_first_write_that_is_never_decided_is_given_up()
    {
        await using var api = new ApiFactory(("ConnectionStrings:users", _server.ConnectionString));
        using var client = api.CreateClient();
        _server.ConfigureFailPoint(
            "failCommand", "alwaysOn", new() { { "failCommands", new BsonArray { "findAndModify", "update" } }, { "errorCode", 11000 } });

        var (response, took) = await TimeAsync(client.Put("ana"));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.InRange(took, TimeSpan.Zero, s_bound);
    }

    [Fact]
    public async Task A_wait_for_a_connection_of_the_pool_is_bounded()
    {
        await using var api = new ApiFactory(("ConnectionStrings:users", _server.ConnectionString + "&maxPoolSize=1"));
        using var client = api.CreateClient();
        await client.Get("ana");
        _server.Latency = TimeSpan.FromMilliseconds(300);

        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => TimeAsync(client.Send("GET", "/users"))));

        Assert.All(answers, answer => Assert.InRange(answer.Took, TimeSpan.Zero, s_bound));
        var statuses = answers.CountBy(answer => answer.Response.StatusCode).ToDictionary();
        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable], statuses.Keys.Order());
        Assert.InRange(statuses[HttpStatusCode.OK], 2, 7); // as many as one connection can serve before the timeout
    }

    private static async Task AssertUnavailableAsync(HttpClient client, bool? mayBeApplied)
    {
        var answers = await Task.WhenAll(
            new (bool IsWrite, Task<HttpResponseMessage> Answer)[]
            {
                (false, client.Get("ana")),
                (true, client.Put("ana")),
                (true, client.Put("bea")),
                (false, client.Patch("ana", "{}")), // reads first
                (true, client.Delete("ana")),
                (false, client.Send("GET", "/users")),
                (false, client.Send("GET", "/")),
            }.Select(async request => (request.IsWrite, Answer: await TimeAsync(request.Answer))));
        await Assert.AllAsync(answers, async answer =>
        {
            var response = answer.Answer.Response;
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            Assert.InRange(response.Headers.RetryAfter?.Delta ?? default, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));
            Assert.InRange(answer.Answer.Took, TimeSpan.Zero, s_bound);
            var body = await response.Content.ReadAsStringAsync(Cancel);
            if (mayBeApplied is { } expected)
            {
                Assert.Equal(expected && answer.IsWrite, body.Contains("may have been applied"));
            }

            Assert.DoesNotContain("Exception", body);
            Assert.DoesNotContain("127.0.0.1", body);
        });

        var (health, took) = await TimeAsync(client.Send("GET", "/health"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, health.StatusCode);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(1.3));
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
    }

    private static async Task AssertRecoversAsync(HttpClient client)
    {
        var start = Stopwatch.GetTimestamp();
        while (true)
        {
            var (response, took) = await TimeAsync(client.Put("ana"));
            Assert.InRange(took, TimeSpan.Zero, s_bound);
            if (response.IsSuccessStatusCode)
            {
                return;
            }

            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        }
    }

    private static async Task<(HttpResponseMessage Response, TimeSpan Took)> TimeAsync(Task<HttpResponseMessage> answer)
    {
        var start = Stopwatch.GetTimestamp();
        var response = await answer;
        return (response, Stopwatch.GetElapsedTime(start));
    }

    private void Break(string state)
    {
        switch (state)
        {
            case "not started" or "stopped":
                _server.Stop();
                break;
            case "without a primary":
                _server.StepDown(TimeSpan.FromMinutes(1));
                break;
            case "too slow":
                _server.Latency = TimeSpan.FromSeconds(30);
                break;
            default:
                _server.Pause();
                break;
        }
    }

    private void Repair(string state)
    {
        switch (state)
        {
            case "not started" or "stopped":
                _server.Restart();
                break;
            case "without a primary":
                _server.StepDown(TimeSpan.Zero);
                break;
            case "too slow":
                _server.Latency = TimeSpan.Zero;
                break;
            default:
                _server.Resume();
                break;
        }
    }
}
