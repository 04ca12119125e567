using System.Diagnostics;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using MongoDB.Driver;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Mongo;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>The start needs no DNS: the client of an SRV string is created in the background, and until then the store is unavailable.</summary>
public sealed class ConnectionTests : MongoStoreTest
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task A_name_that_cannot_be_resolved_is_asked_for_again_until_it_can_be()
    {
        using var logs = new LogCollector();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(logs));
        var attempts = 0;
        using var connection = Connection(
            loggers, (_, _) => ++attempts < 3 ? throw new IOException("no DNS") : Task.FromResult(new MongoUrl(Server.ConnectionString)));

        var failure = Assert.Throws<StoreUnavailableException>(() => connection.Database);
        Assert.Equal((false, "The host name of ConnectionStrings:users, db.invalid, cannot be resolved."), (failure.MayHaveBeenApplied, failure.Reason));

        await Poll.UntilAsync(() => connection.Cluster is not null, s_timeout);
        Assert.Equal("users", connection.Database.DatabaseNamespace.DatabaseName);
        Assert.Single(logs.Lines, line => line.Contains("cannot be read from DNS", StringComparison.Ordinal));
        Assert.DoesNotContain("s3cret", logs.Text);
    }

    [Fact]
    public async Task A_process_ends_at_once_while_a_resolver_does_not_answer()
    {
        using var loggers = LoggerFactory.Create(_ => { });
        var answer = new TaskCompletionSource<MongoUrl>();
        var connection = Connection(loggers, (_, _) => answer.Task);
        var start = Stopwatch.GetTimestamp();

        connection.Dispose();

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        answer.SetResult(new(Server.ConnectionString));
        await Task.Delay(50, Cancel);
        Assert.Null(connection.Cluster); // no client is created after disposal
    }

    [Fact]
    public async Task An_API_with_a_name_that_leads_nowhere_starts_and_answers_503()
    {
        var start = Stopwatch.GetTimestamp();
        await using (var api = new ApiFactory(("ConnectionStrings:users", "mongodb+srv://ana:s3cret@db.invalid/users")))
        {
            using var client = api.CreateClient();

            await client.Get("ana").IsProblem(HttpStatusCode.ServiceUnavailable);
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/alive", Cancel)).StatusCode);
        }

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [Theory]
    [InlineData("mongodb+srv://db.example:27017/users")]
    [InlineData("mongodb+srv://one.example,two.example/users")]
    [InlineData("mongodb://ana:s3/cret@127.0.0.1/users")]
    [InlineData("mongodb://127.0.0.1/users?w=majority&maxPoolSize=many")]
    [InlineData("postgres://127.0.0.1/users")]
    public void A_string_that_can_never_work_is_refused_at_once_and_not_repeated(string connectionString)
    {
        var refusal = Assert.Throws<OptionsValidationException>(
            () => new StoreHost(TimeProvider.System, ("ConnectionStrings:users", connectionString)));

        Assert.Contains("is not a MongoDB connection string", refusal.Message);
        Assert.DoesNotContain("cret", refusal.Message);
    }

    private static MongoConnection Connection(ILoggerFactory loggers, Func<MongoUrl, CancellationToken, Task<MongoUrl>> resolve) =>
        new("mongodb+srv://ana:s3cret@db.invalid/users", TimeSpan.FromSeconds(1.5), loggers, resolve);
}
