using System.Diagnostics;
using System.Net;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Reliability;

/// <summary>
/// Failures of MongoDB, one at a time, after the retryable-reads, retryable-writes and server-discovery suites of the MongoDB drivers'
/// specifications. Checks the HTTP response and the server's document.
/// </summary>
public sealed class ServerFaultTests : IAsyncLifetime
{
    private const string Id = "ana";
    private const string NotApplied = "The user store cannot be reached now.";
    private const string MayBeApplied = "The user store did not answer in time; the change may have been applied all the same. Read the user before you change it again.";

    // The server has no majority to read from yet: the driver retries reads then, and writes do not get this error.
    private const int ReadConcernMajorityNotAvailableYet = 134;

    // HostUnreachable, HostNotFound, NetworkTimeout, ShutdownInProgress, PrimarySteppedDown, ExceededTimeLimit, SocketException,
    // NotWritablePrimary, InterruptedAtShutdown, InterruptedDueToReplStateChange, NotPrimaryNoSecondaryOk, NotPrimaryOrSecondary
    private static readonly int[] s_retryable = [6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436];

    private static readonly string[] s_requests = ["GET", "LIST", "PUT", "PATCH", "DELETE"];
    private static readonly string[] s_writes = ["findAndModify", "update"];
    private static readonly string[] s_commands = ["find", .. s_writes];

    private MongoWireServer _server = null!;
    private ApiFactory _api = null!;
    private HttpClient _client = null!;
    private MongoClient _mongo = null!;

    public static TheoryData<string, int> Retried =>
    [
        .. from request in s_requests from code in s_retryable select (request, code),
        ("GET", ReadConcernMajorityNotAvailableYet),
        ("LIST", ReadConcernMajorityNotAvailableYet),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await MongoWireServer.StartAsync();
        _api = new(("ConnectionStrings:users", _server.ConnectionString), ("Logging:LogLevel:Default", "Error"));
        _client = _api.CreateClient();
        _mongo = new(_server.ConnectionString);
        await _client.Put(Id, """{"name":"Old"}""").Is(HttpStatusCode.Created);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _api.DisposeAsync();
        ClusterRegistry.Instance.UnregisterAndDisposeCluster(_mongo.Cluster);
        await _server.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Retried))]
    public async Task A_failure_that_passes_is_not_the_callers_business(string request, int code)
    {
        Fail(times: 1, new("errorCode", code));

        await IsDone(request);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("LIST")]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task A_connection_that_breaks_is_not_the_callers_business(string request)
    {
        Fail(times: 1, new("closeConnection", true));

        await IsDone(request);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("LIST")]
    public async Task A_failure_that_stays_is_503_for_a_reader(string request)
    {
        foreach (var fault in new BsonDocument[] { new("closeConnection", true), new("errorCode", 10107), new("errorCode", 91), new("errorCode", 2) })
        {
            Fail(times: null, fault);

            await IsRefused(request, NotApplied);
        }
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task A_failure_that_stays_is_503_for_a_writer_and_says_that_it_may_have_been_carried_out(string request)
    {
        foreach (var fault in new BsonDocument[] { new("closeConnection", true), new("errorCode", 10107), new("errorCode", 91) })
        {
            Fail(times: null, fault, s_writes);

            await IsRefused(request, MayBeApplied);
            Assert.Equal("Old", await StoredName());
        }
    }

    // A patch is a read and a write, which share one timeout.
    [Theory]
    [InlineData("GET", 3000, NotApplied)]
    [InlineData("PUT", 3000, MayBeApplied)]
    [InlineData("PATCH", 3000, NotApplied)]
    [InlineData("PATCH", 1200, MayBeApplied)]
    [InlineData("DELETE", 3000, MayBeApplied)]
    public async Task A_server_that_takes_too_long_is_503_within_2_s(string request, int milliseconds, string detail)
    {
        Fail(times: null, new() { { "blockConnection", true }, { "blockTimeMS", milliseconds } });
        await using var metronome = new Metronome();
        var start = Stopwatch.GetTimestamp();

        await IsRefused(request, detail);

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromSeconds(1.4), TimeSpan.FromSeconds(2) + metronome.Stall);
    }

    [Fact]
    public async Task A_patch_that_always_comes_too_late_is_503_within_2_s()
    {
        Fail(times: null, new() { { "blockConnection", true }, { "blockTimeMS", 200 }, { "appName", "UserApi" } });
        using var patched = new CancellationTokenSource();
        var rival = Task.Run(
            async () =>
            {
                var users = _mongo.GetDatabase("users").GetCollection<BsonDocument>("users");
                while (!patched.IsCancellationRequested)
                {
                    await users.UpdateOneAsync(new BsonDocument("_id", Id), new BsonDocument("$set", new BsonDocument("version", $"{Guid.NewGuid()}")), null, Cancellation);
                    await Task.Delay(10, Cancellation);
                }
            },
            Cancellation);
        await using var metronome = new Metronome();
        var start = Stopwatch.GetTimestamp();

        await IsRefused("PATCH", NotApplied, MayBeApplied); // depends on whether the timeout expires in a read or in a write

        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.FromSeconds(1.4), TimeSpan.FromSeconds(2) + metronome.Stall);
        await patched.CancelAsync();
        await rival;
        Assert.Equal("Old", await StoredName());
    }

    [Theory]
    [InlineData("PUT", "New")]
    [InlineData("PATCH", "New")]
    [InlineData("DELETE", null)]
    public async Task A_write_that_the_majority_did_not_confirm_in_time_may_have_been_applied(string request, string? stored)
    {
        var error = new BsonDocument { { "code", 64 }, { "codeName", "WriteConcernFailed" }, { "errmsg", "waiting for replication timed out" } };
        Fail(times: 1, new("writeConcernError", error), s_writes);

        await IsRefused(request, MayBeApplied);

        Assert.Equal(stored, await StoredName());
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task A_write_that_the_majority_did_not_confirm_for_an_election_is_asked_for_again(string request)
    {
        var error = new BsonDocument { { "code", 189 }, { "codeName", "PrimarySteppedDown" }, { "errmsg", "stepped down" } };
        Fail(times: 1, new("writeConcernError", error), s_writes);
        var written = Writes();
        var election = Task.Run(async () =>
        {
            while (Writes() == written)
            {
                await Task.Delay(5, Cancellation);
            }

            _server.StepDown(TimeSpan.FromMilliseconds(200));
        }, Cancellation);

        await IsDone(request);

        await election;
        Assert.Equal(1, _server.ReplayedWrites);

        int Writes() => s_writes.Sum(command => (int)_server.CommandCount(command));
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task A_write_that_was_applied_before_its_connection_broke_is_answered_and_not_applied_again(string request)
    {
        _server.ConfigureFailPoint("onPrimaryTransactionalWrite", new BsonDocument("times", 1));

        await IsDone(request);

        Assert.Equal(1, _server.ReplayedWrites);
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    [InlineData("DELETE")]
    public async Task A_write_that_failed_before_it_was_applied_is_applied_by_its_second_attempt(string request)
    {
        _server.ConfigureFailPoint(
            "onPrimaryTransactionalWrite", new BsonDocument("times", 1), new() { { "failBeforeCommitExceptionCode", 11600 }, { "closeConnection", false } });

        await IsDone(request);

        Assert.Equal(0, _server.ReplayedWrites);
    }

    [Fact]
    public async Task A_create_that_was_applied_before_its_connection_broke_is_still_a_create()
    {
        _server.ConfigureFailPoint("onPrimaryTransactionalWrite", new BsonDocument("times", 1));

        var created = await _client.Put("new", """{"name":"New"}""", ("If-None-Match", "*")).Is(HttpStatusCode.Created);

        Assert.Equal(created.Tag(), (await _client.Get("new").Is(HttpStatusCode.OK)).Tag());
    }

    [Fact]
    public async Task The_loser_of_a_race_to_create_replaces()
    {
        _server.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 1), new("document", Rival("new")));

        var replaced = await _client.Put("new", """{"name":"New"}""").Is(HttpStatusCode.OK);

        var stored = await Stored("new");
        Assert.Equal((replaced.Tag(), "New"), ($"\"{stored!["version"].AsString}\"", stored["name"].AsString));
        Assert.Equal(DateTime.UnixEpoch, stored["createdAt"].ToUniversalTime());
    }

    [Fact]
    public async Task The_loser_of_a_race_to_create_only_a_new_user_is_told()
    {
        _server.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 1), new("document", Rival("new")));

        await _client.Put("new", """{"name":"New"}""", ("If-None-Match", "*")).IsProblem(HttpStatusCode.PreconditionFailed);

        Assert.Equal("Rival", (await Stored("new"))!["name"]);
    }

    [Fact]
    public async Task A_server_that_is_no_primary_is_503_and_was_not_written_to()
    {
        _server.StepDown(TimeSpan.FromMinutes(1));

        foreach (var request in s_requests)
        {
            await IsRefused(request, NotApplied);
        }

        Assert.Equal("Old", await StoredName());
    }

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_503_and_nothing_was_applied()
    {
        _server.Stop();
        await IsRefused("GET", NotApplied); // uses the broken connections of the pool

        await IsRefused("PUT", NotApplied, MayBeApplied); // depends on whether the driver noticed the failure before or by sending the command

        _server.Restart();
        await Task.Delay(TimeSpan.FromSeconds(2), Cancellation);
        Assert.Equal("Old", (await (await _client.Get(Id).Is(HttpStatusCode.OK)).Read()).GetProperty("name").GetString());
    }

    private static BsonDocument Rival(string id) =>
        new() { { "_id", id }, { "name", "Rival" }, { "createdAt", DateTime.UnixEpoch }, { "updatedAt", DateTime.UnixEpoch }, { "version", "rival" } };

    private void Fail(int? times, BsonDocument fault, params string[] commands)
    {
        var names = commands.Length > 0 ? commands : s_commands;
        _server.ConfigureFailPoint(
            "failCommand",
            times is { } n ? new BsonDocument("times", n) : "alwaysOn",
            new BsonDocument("failCommands", new BsonArray(names)).AddRange(fault));
    }

    private Task<HttpResponseMessage> Send(string request) => request switch
    {
        "GET" => _client.Get(Id),
        "LIST" => _client.Send("GET", "/users"),
        "PUT" => _client.Put(Id, """{"name":"New"}"""),
        "PATCH" => _client.Patch(Id, """{"name":"New"}"""),
        _ => _client.Delete(Id),
    };

    private async Task IsDone(string request)
    {
        var response = await Send(request).Is(request is "DELETE" ? HttpStatusCode.NoContent : HttpStatusCode.OK);

        var stored = await Stored(Id);
        switch (request)
        {
            case "DELETE":
                Assert.Null(stored);
                break;
            case "PUT" or "PATCH":
                Assert.Equal((response.Tag(), "New"), ($"\"{stored!["version"].AsString}\"", stored["name"].AsString));
                break;
            default:
                Assert.Equal("Old", stored!["name"]);
                break;
        }
    }

    private async Task IsRefused(string request, params string[] details)
    {
        using var response = await Send(request);
        var problem = await Task.FromResult(response).IsProblem(HttpStatusCode.ServiceUnavailable);
        Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
        Assert.Contains(problem.GetProperty("detail").GetString(), details);
    }

    private async Task<string?> StoredName() => (await Stored(Id))?["name"].AsString;

    private async Task<BsonDocument?> Stored(string id)
    {
        _server.ConfigureFailPoint("failCommand", "off");
        return await _mongo.GetDatabase("users").GetCollection<BsonDocument>("users")
            .WithReadPreference(ReadPreference.PrimaryPreferred).Find(new BsonDocument("_id", id)).FirstOrDefaultAsync(Cancellation);
    }
}
