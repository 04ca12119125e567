using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

/// <summary>The commands that the API sends to MongoDB, and how it handles the replies.</summary>
public sealed class MongoUserStoreTests : IAsyncLifetime
{
    private MongoWireServer _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await MongoWireServer.StartAsync(new() { RecordedCommands = 1000 });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData("&w=1&journal=false")]
    [InlineData("&w=0")]
    public async Task Every_write_waits_for_the_majority_and_the_journal_whatever_the_connection_string_says(string options)
    {
        await using var api = Api(options);
        using var client = api.CreateClient();

        await client.Put("ana", HttpSteps.Ana, ("Prefer", "return=minimal"));
        await client.Put("ana");
        await client.DeleteAsync("/users/ana", Cancel);

        var writes = _server.RecentCommands.Where(command => command.GetElement(0).Name is "update" or "findAndModify").ToList();
        Assert.Equal(["update", "findAndModify", "findAndModify"], writes.Select(write => write.GetElement(0).Name));
        Assert.All(writes, write => Assert.Equal(new BsonDocument { { "w", "majority" }, { "wtimeout", 1350.0 }, { "j", true } }, write["writeConcern"]));
    }

    [Theory]
    [InlineData("users", "users")]
    [InlineData("others", "others")]
    [InlineData("", "users")]
    public async Task Users_are_in_the_database_that_the_connection_string_names(string named, string expected)
    {
        await using var api = new ApiFactory(("ConnectionStrings:users", $"mongodb://127.0.0.1:{_server.Port}/{named}?replicaSet=rs0"));
        using var client = api.CreateClient();

        await client.Put("ana");

        Assert.Equal(1, _server.DocumentCount(expected, "users"));
    }

    [Theory]
    [InlineData("update", "return=minimal")]
    [InlineData("findAndModify", null)]
    public async Task A_first_write_that_finds_the_id_taken_is_tried_again(string command, string? prefer)
    {
        await using var api = Api();
        using var client = api.CreateClient();
        _server.ConfigureFailPoint(
            "failCommand", new BsonDocument("times", 1), new() { { "failCommands", new BsonArray { command } }, { "errorCode", 11000 } });

        Assert.Equal(HttpStatusCode.Created, (await client.Put("ana", HttpSteps.Ana, prefer is null ? [] : [("Prefer", prefer)])).StatusCode);
        Assert.Equal(2, _server.CommandCount(command));
    }

    [Fact]
    public async Task First_writes_that_go_out_together_and_find_ids_taken_are_tried_again_each()
    {
        await using var api = Api();
        using var client = api.CreateClient();
        _server.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 10), []);

        var puts = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => client.Put($"u{i}", HttpSteps.Ana, ("Prefer", "return=minimal"))));

        Assert.Equal(10, puts.Count(put => put.StatusCode == HttpStatusCode.NoContent));
        Assert.Equal(30, puts.Count(put => put.StatusCode == HttpStatusCode.Created));
        for (var i = 0; i < puts.Length; i++)
        {
            Assert.Equal(puts[i].Headers.ETag, (await client.GetAsync($"/users/u{i}", Cancel)).Headers.ETag);
        }
    }

    [Fact]
    public async Task Of_writes_that_go_out_together_each_is_told_whether_it_created_its_user_after_however_many_attempts()
    {
        // The fail point inserts a document that already exists, so the duplicate id is not the writer's.
        _server.Seed("users", "users", [Document("Other")]);
        using var host = new StoreHost(TimeProvider.System, ("ConnectionStrings:users", _server.ConnectionString));
        var ids = Enumerable.Range(0, 40).Select(i => UserId.TryParse($"u{i}", out var id, out _) ? id : default).ToArray();
        await Task.WhenAll(ids.Where((_, i) => i % 2 == 0).Select(id => PutAsync(id, "Bea")));
        _server.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 40), new("document", Document("Other")));

        var puts = await Task.WhenAll(ids.Select(id => PutAsync(id, "Ana")));

        var found = await Task.WhenAll(ids.Select(id => host.Store.FindAsync(id, Cancel).AsTask()));
        Assert.Equal(Enumerable.Range(0, 40).Select(i => i % 2 == 0 ? WriteOutcome.Replaced : WriteOutcome.Created), puts.Select(put => put.Outcome));
        Assert.Equal(found.Select(user => user?.Version), puts.Select(put => put.Version));

        Task<WriteResult> PutAsync(UserId id, string name) => host.Store.PutAsync(id, new(name), default, returnUser: false, Cancel).AsTask();
    }

    [Theory]
    [InlineData(null, HttpStatusCode.OK)]
    [InlineData("*", HttpStatusCode.PreconditionFailed)]
    public async Task Of_two_first_writes_the_later_one_replaces_or_fails_as_it_asked(string? ifNoneMatch, HttpStatusCode expected)
    {
        await using var api = Api();
        using var client = api.CreateClient();
        var other = Document("Other");
        _server.ConfigureFailPoint("racingUpsert", new BsonDocument("times", 1), new("document", other));

        var put = await client.Put("ana", HttpSteps.Ana, ifNoneMatch is null ? [] : [("If-None-Match", ifNoneMatch)]);

        Assert.Equal(expected, put.StatusCode);
        Assert.Contains(expected == HttpStatusCode.OK ? "Ana" : "Other", await client.GetStringAsync("/users/ana", Cancel));
        Assert.Equal(1, _server.DocumentCount("users", "users"));
    }

    [Fact]
    public async Task A_write_whose_answer_was_lost_is_applied_once_and_answered()
    {
        await using var api = Api();
        using var client = api.CreateClient();
        await client.WaitForIndexesAsync();
        _server.CutNextReply(20);

        var put = await client.Put("ana");

        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal(1, _server.ReplayedWrites);
        var found = await client.GetAsync("/users/ana", Cancel);
        Assert.Equal(put.Headers.ETag, found.Headers.ETag);
    }

    [Fact]
    public async Task A_write_whose_answer_is_lost_for_good_says_that_it_may_have_been_applied()
    {
        await using var standalone = await MongoWireServer.StartAsync(new() { ReplicaSet = null });
        await using var api = new ApiFactory(("ConnectionStrings:users", standalone.ConnectionString));
        using var client = api.CreateClient();
        await client.WaitForIndexesAsync();
        standalone.CutNextReply(20);

        var put = await client.Put("ana");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, put.StatusCode);
        Assert.Contains("may have been applied", await put.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/users/ana", Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_write_waits_for_a_new_primary()
    {
        await using var api = Api();
        using var client = api.CreateClient();
        await client.Put("ana");
        _server.StepDown(TimeSpan.FromMilliseconds(300));

        await client.Put("ana").Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task A_document_with_more_in_it_is_read_and_replaced()
    {
        _server.Seed("users", "users", [Document("Ana").Add("phones", new BsonArray { 1 })]);
        await using var api = Api();
        using var client = api.CreateClient();

        Assert.Contains("1970-01-01", await client.GetStringAsync("/users/ana", Cancel));
        await client.Put("ana").Is(HttpStatusCode.OK);
        Assert.Contains("1970-01-01", await client.GetStringAsync("/users/ana", Cancel));
    }

    [Fact]
    public async Task A_process_opens_no_more_connections_than_its_pool_has()
    {
        await using var api = Api("&maxPoolSize=4");
        using var client = api.CreateClient();

        var puts = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => client.Put($"u{i}", HttpSteps.Ana, ("Prefer", "return=minimal"))));

        Assert.All(puts, put => Assert.Equal(HttpStatusCode.Created, put.StatusCode));
        Assert.InRange(_server.OpenConnections, 1, 4 + 2); // 2 for the monitor and its round-trip timer
    }

    [Fact]
    public async Task Credentials_are_in_no_log_and_in_no_answer()
    {
        // The double does not support authentication, so the driver logs failures.
        using var logs = new LogCollector();
        await using var api = new ApiFactory(
            ("ConnectionStrings:users", $"mongodb://ana:s3cret@127.0.0.1:{_server.Port}/users?replicaSet=rs0"),
            ("Logging:LogLevel:Default", "Trace"),
            ("Logging:LogLevel:MongoDB", "Trace"))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(logs),
        };
        using var client = api.CreateClient();

        var put = await client.Put("ana");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, put.StatusCode);
        Assert.Contains($"127.0.0.1:{_server.Port}/users", logs.Text);
        Assert.Contains("MongoAuthenticationException", logs.Text);
        Assert.DoesNotContain("s3cret", logs.Text);
        Assert.DoesNotContain("s3cret", await put.Content.ReadAsStringAsync(Cancel));
    }

    /// <summary>A document as another program, or another version of this one, writes it.</summary>
    private static BsonDocument Document(string name) => new()
    {
        { "_id", "ana" },
        { "name", name },
        { "createdAt", DateTime.UnixEpoch },
        { "updatedAt", DateTime.UnixEpoch },
        { "version", "v" },
    };

    private ApiFactory Api(string options = "") => new(("ConnectionStrings:users", _server.ConnectionString + options));
}
