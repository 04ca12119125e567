using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Text.Json;
using CsCheck;
using MongoDB.Driver;
using UserApi.Api.Users;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;
using UserApi.Tests.Stores;
using Verb = UserApi.Tests.Reliability.UserHistory.Verb;

namespace UserApi.Tests.Reliability;

/// <summary>
/// Random sequences of requests from several callers, each answer held against a model of users, preconditions and pages that is a
/// dictionary; and random requests side by side, held against every order they could have had. A failing sequence is shrunk and printed with
/// the seed that repeats it. <c>USERAPI_TEST_SEQUENCES</c> says how many sequences there are, by default 10,000 on each store, and for
/// each ten of them one of requests side by side.
/// </summary>
public abstract class ModelTests : IAsyncLifetime
{
    private static readonly long s_sequences =
        long.Parse(Environment.GetEnvironmentVariable("USERAPI_TEST_SEQUENCES") ?? "10000", CultureInfo.InvariantCulture);

    private static readonly Gen<Step[]> s_steps = Gen.Select(
        Gen.Int[0, 2],
        Gen.Frequency((3, Gen.Const(Operation.Put)), (2, Gen.Const(Operation.Patch)), (2, Gen.Const(Operation.Delete)), (2, Gen.Const(Operation.Get)), (1, Gen.Const(Operation.List)), (2, Gen.Const(Operation.Find))),
        Gen.Int[0, 2],
        Gen.Frequency((3, Gen.Const(Condition.None)), (6, Gen.Enum<Condition>())),
        Gen.Int[0, 3],
        (caller, operation, user, condition, variant) => new Step(caller, operation, user, condition, variant)).Array[1, 12];

    private static readonly Gen<ParallelStep[][]> s_parallel = Gen.Select(
        Gen.Frequency((3, Gen.Const(Verb.Put)), (2, Gen.Const(Verb.Patch)), (2, Gen.Const(Verb.Delete)), (2, Gen.Const(Verb.Get))),
        Gen.Frequency((2, Gen.Const(Condition.None)), (2, Gen.Const(Condition.MatchSeen)), (1, Gen.Const(Condition.NoneMatchAny))),
        (verb, condition) => new ParallelStep(verb, verb != Verb.Put && condition == Condition.NoneMatchAny ? Condition.None : condition)).Array[1, 5].Array[2, 4];

    private ApiFactory _api = null!;
    private HttpClient _client = null!;
    private int _lastPrefix;

    private enum Operation
    {
        Get,
        Put,
        Patch,
        Delete,
        List,
        Find,
    }

    private enum Condition
    {
        None,
        MatchAny,
        MatchSeen,
        MatchSeenOrNever,
        MatchNever,
        MatchWeak,
        NoneMatchAny,
        NoneMatchSeen,
        NoneMatchNever,
    }

    public async ValueTask InitializeAsync()
    {
        _api = new([.. await StartStoreAsync(), ("Logging:LogLevel:Default", "Error")]);
        _client = _api.CreateClient();
        await _client.WaitForIndexesAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _client?.Dispose();
        await (_api?.DisposeAsync() ?? ValueTask.CompletedTask);
        await StopStoreAsync();
    }

    [Fact]
    public Task Every_answer_is_the_models() => s_steps.SampleAsync(
        async steps =>
        {
            var model = new Model(NextPrefix());
            foreach (var step in steps)
            {
                await model.CheckAsync(_client, step);
            }
        },
        iter: s_sequences,
        threads: 8,
        print: steps => "\n" + string.Join('\n', steps.AsEnumerable()));

    [Fact]
    public Task Requests_side_by_side_have_an_order_that_explains_their_answers() => s_parallel.SampleAsync(
        async callers =>
        {
            var user = new UserHistory(NextPrefix());
            await Task.WhenAll(callers.Select(steps => Task.Run(() => CallAsync(user, steps))));
            Assert.NotNull(await _client.SendAsync(user, user.Begin(Verb.Get)));
            user.Verify();
        },
        iter: s_sequences / 10,
        threads: 4,
        print: callers => "\n" + string.Join('\n', callers.Select((steps, caller) => $"{caller}: {string.Join(", ", steps.AsEnumerable())}")));

    protected abstract Task<IEnumerable<(string Key, string Value)>> StartStoreAsync();

    protected virtual ValueTask StopStoreAsync() => ValueTask.CompletedTask;

    private string NextPrefix() => $"m{Interlocked.Increment(ref _lastPrefix):d9}";

    private async Task CallAsync(UserHistory user, ParallelStep[] steps)
    {
        string? tag = null;
        foreach (var step in steps)
        {
            var request = user.Begin(
                step.Verb, step.Condition == Condition.MatchSeen ? tag ?? "\"never\"" : null, step.Condition == Condition.NoneMatchAny);
            var answer = await _client.SendAsync(user, request);
            Assert.NotNull(answer);
            tag = answer.Tag ?? tag;
        }
    }

    private sealed record Step(int Caller, Operation Operation, int User, Condition Condition, int Variant);

    private sealed record ParallelStep(Verb Verb, Condition Condition)
    {
        public override string ToString() => Condition == Condition.None ? $"{Verb}" : $"{Verb} {Condition}";
    }

    private sealed record Content(string Name, string? Email, ImmutableSortedDictionary<string, string> Attributes)
    {
        private static readonly (string Json, Content Content)[] s_puts =
        [
            ("""{"name":"a"}""", new("a", null, Map())),
            ("""{"name":"b","email":"b@example.org"}""", new("b", "b@example.org", Map())),
            ("""{"name":"c","attributes":{"k":"1","l":"2"}}""", new("c", null, Map(("k", "1"), ("l", "2")))),
            ("""{"name":"d","email":null,"attributes":{}}""", new("d", null, Map())),
        ];

        private static readonly (string Json, Func<Content, Content> Apply)[] s_patches =
        [
            ("""{"name":"p"}""", content => content with { Name = "p" }),
            ("""{"email":null,"attributes":{"l":null}}""", content => content with { Email = null, Attributes = content.Attributes.Remove("l") }),
            ("""{"email":"p@example.org","attributes":{"m":"3"}}""", content => content with { Email = "p@example.org", Attributes = content.Attributes.SetItem("m", "3") }),
            ("""{"attributes":null}""", content => content with { Attributes = Map() }),
        ];

        public static (string Json, Content Content) Put(int variant) => s_puts[variant];

        public static (string Json, Func<Content, Content> Apply) Patch(int variant) => s_patches[variant];

        public static Content Read(JsonElement user) => new(
            user.GetProperty("name").GetString()!,
            user.TryGetProperty("email", out var email) ? email.GetString() : null,
            user.TryGetProperty("attributes", out var attributes)
                ? attributes.EnumerateObject().ToImmutableSortedDictionary(entry => entry.Name, entry => entry.Value.GetString()!)
                : Map());

        public bool Equals(Content? other) =>
            other is not null && (Name, Email) == (other.Name, other.Email) && Attributes.SequenceEqual(other.Attributes);

        public override int GetHashCode() => HashCode.Combine(Name, Email, Attributes.Count);

        private static ImmutableSortedDictionary<string, string> Map(params (string Key, string Value)[] entries) =>
            entries.ToImmutableSortedDictionary(entry => entry.Key, entry => entry.Value);
    }

    /// <summary>What the API is to be: users by id, each with its content, its tag and the time of its creation.</summary>
    private sealed class Model(string prefix)
    {
        private const string Never = "\"never\"";

        private static readonly (string Query, UserOrder Order, Func<Content, bool> IsFound)[] s_searches =
        [
            ("email=B@Example.ORG", UserOrder.Id, content => content.Email == "b@example.org"),
            ("email=p%40EXAMPLE.org", UserOrder.Id, content => content.Email == "p@example.org"),
            ("attributes.k=1", UserOrder.Id, content => content.Attributes.GetValueOrDefault("k") == "1"),
            ("name=C", UserOrder.Name, content => content.Name == "c"),
        ];

        private readonly SortedDictionary<string, (Content Content, string Tag, string? CreatedAt)> _users = new(StringComparer.Ordinal);
        private readonly Dictionary<(int Caller, string Id), string> _seen = [];
        private readonly HashSet<string> _tags = [];

        public async Task CheckAsync(HttpClient client, Step step)
        {
            var id = $"{prefix}-{step.User}";
            if (step.Operation == Operation.List)
            {
                await CheckPageAsync(client, step.Caller == 0 ? prefix : id, step.Variant + 1);
                return;
            }

            if (step.Operation == Operation.Find)
            {
                await CheckFoundAsync(client, step.Variant, isDescending: step.Caller == 0);
                return;
            }

            var exists = _users.TryGetValue(id, out var user);
            var seen = _seen.GetValueOrDefault((step.Caller, id), Never);
            (string Name, string Value)[] headers = step.Condition switch
            {
                Condition.MatchAny => [("If-Match", "*")],
                Condition.MatchSeen => [("If-Match", seen)],
                Condition.MatchSeenOrNever => [("If-Match", $"{Never}, {seen}")],
                Condition.MatchNever => [("If-Match", Never)],
                Condition.MatchWeak => [("If-Match", $"W/{seen}")],
                Condition.NoneMatchAny => [("If-None-Match", "*")],
                Condition.NoneMatchSeen => [("If-None-Match", $"W/{seen}")],
                Condition.NoneMatchNever => [("If-None-Match", Never)],
                _ => [],
            };
            var matches = step.Condition switch
            {
                Condition.MatchAny => exists,
                Condition.MatchSeen or Condition.MatchSeenOrNever => exists && seen == user.Tag,
                Condition.MatchNever or Condition.MatchWeak => false,
                _ => true,
            };
            var isKnown = exists && (step.Condition == Condition.NoneMatchAny || (step.Condition == Condition.NoneMatchSeen && seen == user.Tag));
            var (json, content) = step.Operation switch
            {
                Operation.Put => Content.Put(step.Variant),
                Operation.Patch when exists => (Content.Patch(step.Variant).Json, Content.Patch(step.Variant).Apply(user.Content)),
                _ => (Content.Patch(step.Variant).Json, user.Content),
            };
            var expected = step.Operation switch
            {
                Operation.Put => !matches || isKnown ? HttpStatusCode.PreconditionFailed : exists ? HttpStatusCode.OK : HttpStatusCode.Created,
                _ when !exists => HttpStatusCode.NotFound,
                _ when !matches => HttpStatusCode.PreconditionFailed,
                Operation.Get => isKnown ? HttpStatusCode.NotModified : HttpStatusCode.OK,
                _ when isKnown => HttpStatusCode.PreconditionFailed,
                Operation.Patch => HttpStatusCode.OK,
                _ => HttpStatusCode.NoContent,
            };

            using var response = await (step.Operation switch
            {
                Operation.Get => client.Get(id, headers),
                Operation.Put => client.Put(id, json, headers),
                Operation.Patch => client.Patch(id, json, headers),
                _ => client.Delete(id, headers),
            });

            await response.Is(expected);
            switch (step.Operation)
            {
                case Operation.Get when (int)expected < 400:
                    Assert.Equal(user.Tag, response.Tag());
                    _seen[(step.Caller, id)] = user.Tag;
                    if (expected == HttpStatusCode.OK)
                    {
                        var read = await response.Read();
                        Assert.Equal(user.Content, Content.Read(read));
                        Assert.Equal(user.CreatedAt ?? CreatedAt(read), CreatedAt(read));
                        _users[id] = user with { CreatedAt = CreatedAt(read) };
                    }

                    break;
                case Operation.Put or Operation.Patch when (int)expected < 400:
                    var tag = response.Tag();
                    if (exists && content == user.Content)
                    {
                        Assert.Equal(user.Tag, tag);
                    }
                    else
                    {
                        Assert.True(_tags.Add(tag), $"{tag} was another state's tag.");
                    }

                    _seen[(step.Caller, id)] = tag;
                    _users[id] = (content, tag, user.CreatedAt);
                    break;
                case Operation.Delete when (int)expected < 400:
                    _users.Remove(id);
                    break;
            }
        }

        // The users of other sequences come before and behind this one's, never between them.
        private async Task CheckPageAsync(HttpClient client, string after, int limit)
        {
            var expected = _users.Where(user => string.CompareOrdinal(user.Key, after) > 0).ToList();

            using var response = await client.Send("GET", $"/users?after={after}&limit={limit}").Is(HttpStatusCode.OK);

            var page = await response.Read();
            var items = page.GetProperty("items").EnumerateArray().Select(item => (Id: item.GetProperty("id").GetString()!, Content: Content.Read(item))).ToList();
            Assert.Equal(
                expected.Take(limit).Select(user => (user.Key, user.Value.Content)),
                items.Where(item => item.Id.StartsWith(prefix, StringComparison.Ordinal)));
            Assert.InRange(items.Count, Math.Min(limit, expected.Count), limit);
            var next = page.GetProperty("next").GetString();
            Assert.True(next is null ? expected.Count <= limit : items.Count == limit && next == items[^1].Id, $"next is {next}");
        }

        // The users of other sequences are found, too, but before and behind these.
        private async Task CheckFoundAsync(HttpClient client, int variant, bool isDescending)
        {
            var (query, order, isFound) = s_searches[variant];
            var start = new UserPosition(isDescending ? $"{prefix}~" : prefix, "c").ToText(order);
            var expected = _users.Where(user => isFound(user.Value.Content)).Select(user => (user.Key, user.Value.Content)).ToList();
            if (isDescending)
            {
                expected.Reverse();
            }

            using var response = await client.Send("GET", $"/users?{query}&sort={(isDescending ? "-" : "")}{(order == UserOrder.Id ? "id" : "name")}&after={start}&limit=4").Is(HttpStatusCode.OK);

            var items = (await response.Read()).GetProperty("items").EnumerateArray()
                .Select(item => (Id: item.GetProperty("id").GetString()!, Content: Content.Read(item)))
                .Where(item => item.Id.StartsWith(prefix, StringComparison.Ordinal));
            Assert.Equal(expected, items);
        }

        private static string CreatedAt(JsonElement user) => user.GetProperty("createdAt").GetString()!;
    }
}

public sealed class SqliteModelTests : ModelTests
{
    protected override Task<IEnumerable<(string Key, string Value)>> StartStoreAsync() =>
        Task.FromResult<IEnumerable<(string, string)>>([("Store:Kind", "Embedded")]);
}

public sealed class MongoWireModelTests : ModelTests
{
    private MongoWireServer? _server;

    protected override async Task<IEnumerable<(string Key, string Value)>> StartStoreAsync()
    {
        _server = await MongoWireServer.StartAsync();
        return [("ConnectionStrings:users", _server.ConnectionString)];
    }

    protected override ValueTask StopStoreAsync() => _server?.DisposeAsync() ?? ValueTask.CompletedTask;
}

public sealed class MongoModelTests(RealMongo mongo) : ModelTests
{
    private MongoUrl? _url;

    protected override async Task<IEnumerable<(string Key, string Value)>> StartStoreAsync()
    {
        _url = await mongo.GetDatabaseAsync($"userapi-model-{Guid.NewGuid():N}");
        return [("ConnectionStrings:users", _url.ToString())];
    }

    protected override async ValueTask StopStoreAsync()
    {
        if (_url is not null)
        {
            await RealMongo.DropAsync(_url);
        }
    }
}
