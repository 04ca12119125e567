using System.Diagnostics;
using System.Globalization;
using System.Net;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;
using Verb = UserApi.Tests.Reliability.UserHistory.Verb;

namespace UserApi.Tests.Reliability;

/// <summary>
/// MongoDB, or the network to it, fails and recovers while callers read and write. Every response must be right, or a 503 in time. Two
/// seconds after the fault, every response of the same process must be right again.
/// </summary>
public abstract class FaultTests(ITestOutputHelper output)
{
    // Store:Timeout is 1.5 s. The README promises a 503 within 2 s without the database. The recovery may take as long.
    private static readonly TimeSpan s_promised = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan s_before = TimeSpan.FromSeconds(0.3);
    private static readonly TimeSpan s_fault = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_after = TimeSpan.FromSeconds(2.5);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected async Task RunAsync(MongoWireServer server, string connectionString, Action begin, Action end, bool hurts)
    {
        await using var api = new ApiFactory(("ConnectionStrings:users", connectionString), ("Logging:LogLevel:Default", "Error"));
        using var client = api.CreateClient();
        await client.Get("nobody").Is(HttpStatusCode.NotFound); // the time of the first request must not be measured
        await client.Delete("nobody").Is(HttpStatusCode.NotFound);
        await using var load = new Load(client);
        await Task.Delay(s_before, Cancellation);

        begin();
        await Task.Delay(s_fault, Cancellation);
        end();
        var healed = Stopwatch.GetTimestamp();
        await Task.Delay(s_after, Cancellation);
        var last = await load.VerifyAsync();

        var failures = load.Samples.Where(sample => sample.Failed).ToList();
        var slowest = load.Samples.Max(sample => sample.Took);
        var recovered = failures.Select(failure => Stopwatch.GetElapsedTime(healed, failure.Sent)).Append(TimeSpan.Zero).Max();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            {load.Samples.Count} responses, {failures.Count} of them 503; the slowest after {slowest.TotalSeconds:0.00} s;
            the last failure was of a request {recovered.TotalSeconds:0.00} s after the fault; stalls of this machine up to {load.Stall.TotalSeconds:0.00} s
            """));
        Assert.True(failures.Count > 0 == hurts, $"{failures.Count} failures");
        Assert.InRange(slowest, TimeSpan.Zero, s_promised + load.Stall);
        Assert.InRange(recovered, TimeSpan.Zero, s_promised + load.Stall);
        await AssertStoredAsync(server, last);

        // The connections of the six callers, and the two or three that monitor the server.
        await EventuallyAsync(() => server.OpenConnections is >= 1 and <= 6 + 3, () => $"{server.OpenConnections} connections are left");
    }

    private protected static async Task EventuallyAsync(Func<bool> condition, Func<string> otherwise)
    {
        var start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(5), otherwise());
            await Task.Delay(50, Cancellation);
        }
    }

    /// <summary>Asserts that the server has exactly the users that the last reads returned.</summary>
    private static async Task AssertStoredAsync(MongoWireServer server, IReadOnlyDictionary<string, UserHistory.Answer> last)
    {
        var client = new MongoClient(server.ConnectionString);
        var documents = await client.GetDatabase("users").GetCollection<BsonDocument>("users").Find("{}").ToListAsync(Cancellation);
        Assert.Equal(
            last.Where(user => user.Value.Status == 200).Select(user => (user.Key, Tag: user.Value.Tag!)).Order(),
            documents.Select(document => (document["_id"].AsString, Tag: $"\"{document["version"].AsString}\"")).Order());
        ClusterRegistry.Instance.UnregisterAndDisposeCluster(client.Cluster);
    }
}

/// <summary>Faults of the network: the eight toxics of Toxiproxy.</summary>
public abstract class NetworkFaultTests(ITestOutputHelper output) : FaultTests(output)
{
    // A healthy server closes no connection unless it recycles them, so slow_close would have no effect. The driver retries a request only
    // once, after up to 0.8 s (the delay, and 0.5 s between two checks of the server), so the interval must be longer.
    private static readonly TimeSpan s_recycling = TimeSpan.FromSeconds(1.3);

    private protected async Task RunAsync(Fault fault, bool hurts)
    {
        await using var server = await MongoWireServer.StartAsync();
        await using var proxy = new ToxicProxy(server.Port);
        await using var recycling = new Timer(_ => server.RecycleConnections());
        await RunAsync(
            server,
            $"mongodb://127.0.0.1:{proxy.Port}/users?directConnection=true",
            () =>
            {
                proxy.Infect(fault.Toxic, fault.Direction);
                if (fault.Toxic is Toxic.SlowClose)
                {
                    recycling.Change(TimeSpan.Zero, s_recycling);
                }
            },
            () =>
            {
                recycling.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
                proxy.Heal();
            },
            hurts);
        Assert.Equal(fault.Expected, proxy.Effects);
        await EventuallyAsync(
            () => server.OpenConnections == proxy.OpenConnections,
            () => $"{proxy.OpenConnections} connections to the proxy, {server.OpenConnections} from there to the server");
    }

    /// <summary>A toxic, and the effects that prove that it was active.</summary>
    private protected sealed record Fault(Toxic Toxic, Direction Direction, Effects Expected);
}

/// <summary>Faults that callers do not notice.</summary>
public sealed class HarmlessNetworkFaultTests(ITestOutputHelper output) : NetworkFaultTests(output)
{
    public static TheoryData<string> Toxics => [.. s_faults.Keys];

    private static readonly Dictionary<string, Fault> s_faults = new()
    {
        ["latency"] = new(new Toxic.Latency(TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(50)), Direction.Both, Effects.DataDelayed),
        ["bandwidth"] = new(new Toxic.Bandwidth(40_000), Direction.Both, Effects.DataDelayed),
        ["slow_close"] = new(new Toxic.SlowClose(TimeSpan.FromMilliseconds(300)), Direction.Both, Effects.EndDelayed),
        ["slicer"] = new(new Toxic.Slicer(64, 32, TimeSpan.FromMilliseconds(5)), Direction.Both, Effects.DataDelayed),
    };

    [Theory]
    [MemberData(nameof(Toxics))]
    public Task A_slow_network_changes_no_answer(string toxic) => RunAsync(s_faults[toxic], hurts: false);
}

/// <summary>Faults that cause 503s.</summary>
public sealed class HarmfulNetworkFaultTests(ITestOutputHelper output) : NetworkFaultTests(output)
{
    public static TheoryData<string> Toxics => [.. s_faults.Keys];

    private static readonly Dictionary<string, Fault> s_faults = new()
    {
        ["latency beyond the time limit"] = new(new Toxic.Latency(TimeSpan.FromSeconds(5)), Direction.Downstream, Effects.DataDelayed),
        ["down"] = new(new Toxic.Down(), Direction.Both, Effects.ConnectionCut),
        ["timeout of requests"] = new(new Toxic.Timeout(TimeSpan.Zero), Direction.Upstream, Effects.DataDropped),
        ["timeout of answers"] = new(new Toxic.Timeout(TimeSpan.Zero), Direction.Downstream, Effects.DataDropped),
        ["timeout, then closed"] = new(
            new Toxic.Timeout(TimeSpan.FromMilliseconds(300)), Direction.Downstream, Effects.DataDropped | Effects.ConnectionCut),
        ["reset_peer"] = new(new Toxic.ResetPeer(TimeSpan.Zero), Direction.Both, Effects.ConnectionCut),
        ["limit_data"] = new(new Toxic.LimitData(100), Direction.Downstream, Effects.ConnectionCut),
    };

    [Theory]
    [MemberData(nameof(Toxics))]
    public Task A_broken_network_loses_and_repeats_no_write(string toxic) => RunAsync(s_faults[toxic], hurts: true);
}

/// <summary>Faults of the server under load.</summary>
public sealed class ServerFaultsUnderLoadTests(ITestOutputHelper output) : FaultTests(output)
{
    private static readonly string[] s_commands = ["find", "findAndModify", "update"];

    [Fact]
    public Task A_server_that_ends_and_starts_again_has_every_write() => RunAsync(server => server.Stop(), server => server.Restart(), hurts: true);

    [Fact]
    public Task A_server_that_answers_late_carries_out_no_write_twice() => RunAsync(server => server.Pause(), server => server.Resume(), hurts: true);

    [Fact]
    public Task An_election_is_waited_for() => RunAsync(server => server.StepDown(TimeSpan.FromMilliseconds(700)), _ => { }, hurts: false);

    [Fact]
    public Task A_pool_that_is_cleared_again_and_again_recovers() => RunAsync(server => Fail(server, new("closeConnection", true)), Heal, hurts: true);

    [Fact]
    public Task A_server_that_is_about_to_shut_down_is_503_until_it_is_back() => RunAsync(server => Fail(server, new("errorCode", 91)), Heal, hurts: true);

    [Fact]
    public Task A_write_applied_before_its_connection_broke_is_answered_and_not_applied_again() => RunAsync(
        server => server.ConfigureFailPoint("onPrimaryTransactionalWrite", new BsonDocument("times", 2)),
        server => Assert.InRange(server.ReplayedWrites, 1, 2),
        hurts: false);

    private static void Fail(MongoWireServer server, BsonDocument fault) => server.ConfigureFailPoint(
        "failCommand", "alwaysOn", new BsonDocument("failCommands", new BsonArray(s_commands)).AddRange(fault));

    private static void Heal(MongoWireServer server) => server.ConfigureFailPoint("failCommand", "off");

    private async Task RunAsync(Action<MongoWireServer> begin, Action<MongoWireServer> end, bool hurts)
    {
        await using var server = await MongoWireServer.StartAsync();
        await RunAsync(server, server.ConnectionString, () => begin(server), () => end(server), hurts);
    }
}

/// <summary>What faults leave behind in the process. No other test runs meanwhile, because the whole process is measured.</summary>
[Collection(nameof(Alone))]
public sealed class FaultRemainsTests(ITestOutputHelper output)
{
    private const int MemoryBound = 8 * 1024 * 1024;

    private static readonly Verb[] s_requests = [Verb.Get, Verb.Put, Verb.Patch, Verb.Delete, Verb.Put, Verb.Patch];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Faults_that_come_and_go_leave_no_timer_thread_or_memory_behind()
    {
        await using var server = await MongoWireServer.StartAsync();
        await using var proxy = new ToxicProxy(server.Port);
        await using var api = new ApiFactory(
            ("ConnectionStrings:users", $"mongodb://127.0.0.1:{proxy.Port}/users?directConnection=true"),
            ("Store:Timeout", "00:00:00.3"),
            ("Logging:LogLevel:Default", "Error"));
        using var client = api.CreateClient();
        await BreakAndHealAsync(client, proxy, cycles: 2);
        var before = Measure();

        await BreakAndHealAsync(client, proxy, cycles: 5);

        var after = Measure();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"""
            five times four faults: memory {(after.Memory - before.Memory) / 1048576.0:+0.0;-0.0} MB, timers {before.Timers} -> {after.Timers},
            threads {before.Threads} -> {after.Threads}, {proxy.AcceptedConnections} connections made, {proxy.OpenConnections} left
            """));
        Assert.InRange(after.Memory - before.Memory, long.MinValue, MemoryBound);
        Assert.InRange(after.Timers - before.Timers, long.MinValue, 10);
        Assert.InRange(after.Threads - before.Threads, int.MinValue, 10);
        Assert.InRange(proxy.OpenConnections, 1, s_requests.Length + 3);
    }

    private static async Task BreakAndHealAsync(HttpClient client, ToxicProxy proxy, int cycles)
    {
        Toxic[] toxics = [new Toxic.ResetPeer(TimeSpan.Zero), new Toxic.Timeout(TimeSpan.FromMilliseconds(100)), new Toxic.Down(), new Toxic.LimitData(100)];
        var users = new List<UserHistory>();
        var refused = new HashSet<Verb>();
        for (var i = 0; i < cycles; i++)
        {
            foreach (var toxic in toxics)
            {
                var user = new UserHistory($"{Guid.NewGuid()}");
                users.Add(user);
                await client.SendAsync(user, user.Begin(Verb.Put));
                proxy.Infect(toxic, Direction.Both);
                var answers = await Task.WhenAll(s_requests.Select(verb => client.SendAsync(user, user.Begin(verb))));
                proxy.Heal();
                refused.UnionWith(s_requests.Where((_, index) => answers[index] is null));
            }
        }

        Assert.Equal(s_requests.Distinct().Order(), refused.Order());

        // By then, everything that waits for a timeout has ended.
        await Task.Delay(TimeSpan.FromSeconds(2), Cancellation);
        foreach (var user in users)
        {
            Assert.NotNull(await client.SendAsync(user, user.Begin(Verb.Get)));
            user.Verify();
        }
    }

    // .NET does not count tasks. A task that waits for a timeout counts among the timers, one that blocks among the threads, and one that
    // waits for the network among the connections. A task that waits for nothing more only uses memory. ThreadPool.PendingWorkItemCount
    // includes none of them, because it counts the work that is about to run.
    private static (long Memory, long Timers, int Threads) Measure() =>
        (GC.GetTotalMemory(forceFullCollection: true), Timer.ActiveCount, ThreadPool.ThreadCount);
}
