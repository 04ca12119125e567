using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

public class StatusTests
{
    private static readonly StoreDouble s_down = new(Down, Down);
    private static readonly StoreDouble s_silent = new(Forever, Forever);

    [Theory]
    [InlineData("Development")]
    [InlineData("Production")]
    public async Task A_process_with_a_store_is_well(string environment)
    {
        await using var api = new ApiFactory(("environment", environment), ("Store:Kind", "Embedded"), ("Authentication:AllowAnonymous", "true"));
        using var client = api.CreateClient();

        Assert.Equal("""{"status":"ok"}""", await (await client.Send("GET", "/").Is(HttpStatusCode.OK)).Text());
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
        var health = await (await client.Send("GET", "/health").Is(HttpStatusCode.OK)).Read();
        Assert.Equal("Healthy", health.GetProperty("status").GetString());
        Assert.Equal("Healthy", health.GetProperty("checks").GetProperty("store").GetProperty("status").GetString());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_process_without_its_store_is_alive_but_not_well(bool isSilent)
    {
        await using var api = new ApiFactory(("Limits:RequestTimeout", "00:00:01.6"))
        {
            Configure = services => services.AddSingleton<IUserStore>(isSilent ? s_silent : s_down),
        };
        using var client = api.CreateClient();
        var clock = Stopwatch.StartNew();

        var alive = client.Send("GET", "/alive");
        var health = client.Send("GET", "/health");
        var status = client.Send("GET", "/");

        Assert.Equal("application/json", (await alive.Is(HttpStatusCode.OK)).Content.Headers.ContentType?.MediaType);
        var checks = await (await health.Is(HttpStatusCode.ServiceUnavailable)).Read();
        Assert.Equal("Unhealthy", checks.GetProperty("status").GetString());
        Assert.Equal("Unhealthy", checks.GetProperty("checks").GetProperty("store").GetProperty("status").GetString());
        Assert.Equal("Healthy", checks.GetProperty("checks").GetProperty("self").GetProperty("status").GetString());
        Assert.DoesNotContain("Exception", checks.ToString());
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(2));
        await status.IsProblem(HttpStatusCode.ServiceUnavailable);
        Assert.NotNull((await status).Headers.RetryAfter);
    }

    [Fact]
    public async Task Probes_at_the_same_time_share_one_question_and_none_of_them_takes_the_answer_away_from_the_others()
    {
        var answer = new TaskCompletionSource();
        var questions = 0;
        var store = new StoreHealthCheck(new StoreDouble(_ => Task.CompletedTask, async cancel =>
        {
            Interlocked.Increment(ref questions);
            await answer.Task.WaitAsync(cancel);
        }));
        using var impatient = new CancellationTokenSource();

        var given = store.CheckAsync(impatient.Token);
        var others = Enumerable.Range(0, 100).Select(_ => store.CheckAsync(TestContext.Current.CancellationToken)).ToList();
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
        answer.SetResult();

        Assert.All(await Task.WhenAll(others), result => Assert.Equal(HealthStatus.Healthy, result.Status));
        Assert.Equal(1, questions);
        await store.CheckAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, questions);
    }

    [Theory]
    [InlineData(true, "The user store cannot be reached now. The server refuses retryable writes: set retryWrites=false.")]
    [InlineData(false, "The user store cannot be reached now.")]
    public async Task A_store_that_knows_what_is_wrong_with_it_is_quoted_to_those_who_may_read(bool mayRead, string detail)
    {
        const string Reason = "The server refuses retryable writes: set retryWrites=false.";
        await using var issuer = await Issuer.StartAsync();
        await using var api = Api(
            _ => throw new StoreUnavailableException(mayHaveBeenApplied: false) { Reason = Reason },
            mayRead ? [] : issuer.Settings);
        using var client = api.CreateClient();

        var status = await client.Send("GET", "/").IsProblem(HttpStatusCode.ServiceUnavailable);
        var health = await (await client.Send("GET", "/health").Is(HttpStatusCode.ServiceUnavailable)).Read();

        Assert.Equal(detail, status.GetProperty("detail").GetString());
        Assert.Equal(mayRead, health.TryGetProperty("checks", out var checks));
        if (mayRead)
        {
            Assert.Equal(Reason, checks.GetProperty("store").GetProperty("description").GetString());
        }
    }

    [Fact]
    public async Task A_store_that_takes_longer_than_a_probe_waits_is_said_to_have_failed_as_it_did_the_last_time()
    {
        var answers = new Queue<TaskCompletionSource>([new(), new(), new()]);
        var store = new StoreHealthCheck(new StoreDouble(_ => Task.CompletedTask, _ => answers.Peek().Task));

        Assert.Equal("double does not answer within 1 s.", await CheckAsync());
        answers.Dequeue().SetException(new StoreUnavailableException(mayHaveBeenApplied: false) { Reason = "There is no primary." });
        Assert.Equal("There is no primary.", await CheckAsync());
        Assert.Equal("There is no primary.", await CheckAsync());
        answers.Dequeue().SetResult();
        answers.Peek().SetResult();
        await CheckAsync();
        Assert.Equal("double", await CheckAsync());

        async Task<string?> CheckAsync() => (await store.CheckAsync(TestContext.Current.CancellationToken)).Description;
    }

    private static ApiFactory Api(Func<CancellationToken, Task> ping, params (string, string)[] settings) => new(settings)
    {
        Configure = services => services.AddSingleton<IUserStore>(new StoreDouble(_ => Task.CompletedTask, ping)),
    };

    private static Task Down(CancellationToken cancellationToken) => throw new StoreUnavailableException(mayHaveBeenApplied: false);

    private static Task Forever(CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);
}
