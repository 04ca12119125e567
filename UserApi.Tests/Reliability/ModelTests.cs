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
/// Random sequences of requests from several callers, with each response checked against a model of users, preconditions and pages; and
/// random concurrent requests, with the responses checked against every order that the requests could have had. A failing sequence is
/// shrunk and printed with the seed that repeats it. <c>USERAPI_TEST_SEQUENCES</c> is the number of sequences on each store (default:
/// 2,500); for every ten of them there is one sequence of concurrent requests.
/// </summary>
public abstract class ModelTests : IAsyncLifetime
{
    private static readonly long s_sequences =
        long.Parse(Environment.GetEnvironmentVariable("USERAPI_TEST_SEQUENCES") ?? "2500", CultureInfo.InvariantCulture);

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

    /// <summary>A precondition: its header, and whether a user's current entity tag (null without a user) satisfies it.</summary>
    private sealed record Precondition(string? Header, string Value, Func<string?, bool> Holds)
    {
        private const string Never = "\"never\"";

        public (string Name, string Value)[] Headers => Header is null ? [] : [(Header, Value)];

        /// <summary>The precondition of a caller who last saw this entity tag, or null if the caller has never seen the user.</summary>
        public static Precondition Of(Condition condition, string? seenTag)
        {
            var seen = seenTag ?? Never;
            return condition switch
            {
                Condition.MatchAny => IfMatch("*", tag => tag is not null),
                Condition.MatchSeen => IfMatch(seen, tag => tag == seen),
                Condition.MatchSeenOrNever => IfMatch($"{Never}, {seen}", tag => tag == seen),
                Condition.MatchNever => IfMatch(Never, _ => false),
                Condition.MatchWeak => IfMatch($"W/{seen}", _ => false),
                Condition.NoneMatchAny => IfNoneMatch("*", tag => tag is null),
                Condition.NoneMatchSeen => IfNoneMatch($"W/{seen}", tag => tag != seen),
                Condition.NoneMatchNever => IfNoneMatch(Never, _ => true),
                _ => new(null, "", _ => true),
            };
        }

        private static Precondition IfMatch(string value, Func<string?, bool> holds) => new("If-Match", value, holds);

        private static Precondition IfNoneMatch(string value, Func<string?, bool> holds) => new("If-None-Match", value, holds);
    }

    private sealed record State(Content Content, string Tag, string? CreatedAt);

    /// <summary>The expected state of the API: users by id, each with its content, entity tag and creation time.</summary>
    private sealed class Model(string prefix)
    {
        private static readonly (string Query, UserOrder Order, Func<Content, bool> IsFound)[] s_searches =
        [
            ("email=B@Example.ORG", UserOrder.Id, content => content.Email == "b@example.org"),
            ("email=p%40EXAMPLE.org", UserOrder.Id, content => content.Email == "p@example.org"),
            ("attributes.k=1", UserOrder.Id, content => content.Attributes.GetValueOrDefault("k") == "1"),
            ("name=C", UserOrder.Name, content => content.Name == "c"),
        ];

        private readonly SortedDictionary<string, State> _users = new(StringComparer.Ordinal);
        private readonly Dictionary<(int Caller, string Id), string> _seen = [];
        private readonly HashSet<string> _tags = [];

        public async Task CheckAsync(HttpClient client, Step step)
        {
            var id = $"{prefix}-{step.User}";
            var user = _users.GetValueOrDefault(id);
            var precondition = Precondition.Of(step.Condition, _seen.GetValueOrDefault((step.Caller, id)));
            await (step.Operation switch
            {
                Operation.Get => CheckGetAsync(),
                Operation.Put => CheckPutAsync(),
                Operation.Patch => CheckPatchAsync(),
                Operation.Delete => CheckDeleteAsync(),
                Operation.Find => CheckFoundAsync(client, step.Variant, isDescending: step.Caller == 0),
                _ => CheckPageAsync(client, step.Caller == 0 ? prefix : id, step.Variant + 1),
            });

            async Task CheckGetAsync()
            {
                var failed = precondition.Header == "If-Match" ? HttpStatusCode.PreconditionFailed : HttpStatusCode.NotModified;
                var expected = user is null ? HttpStatusCode.NotFound : precondition.Holds(user.Tag) ? HttpStatusCode.OK : failed;
                using var response = await client.Get(id, precondition.Headers).Is(expected);
                if (expected is HttpStatusCode.OK or HttpStatusCode.NotModified)
                {
                    Assert.Equal(user!.Tag, response.Tag());
                    _seen[(step.Caller, id)] = user.Tag;
                }

                if (expected is HttpStatusCode.OK)
                {
                    var read = await response.Read();
                    Assert.Equal(user!.Content, Content.Read(read));
                    Assert.Equal(user.CreatedAt ?? CreatedAt(read), CreatedAt(read));
                    _users[id] = user with { CreatedAt = CreatedAt(read) };
                }
            }

            async Task CheckPutAsync()
            {
                var (json, content) = Content.Put(step.Variant);
                var done = user is null ? HttpStatusCode.Created : HttpStatusCode.OK;
                var expected = precondition.Holds(user?.Tag) ? done : HttpStatusCode.PreconditionFailed;
                using var response = await client.Put(id, json, precondition.Headers).Is(expected);
                if (expected == done)
                {
                    Keep(response, content);
                }
            }

            async Task CheckPatchAsync()
            {
                var (json, apply) = Content.Patch(step.Variant);
                var expected = Changed(HttpStatusCode.OK);
                using var response = await client.Patch(id, json, precondition.Headers).Is(expected);
                if (expected == HttpStatusCode.OK)
                {
                    Keep(response, apply(user!.Content));
                }
            }

            async Task CheckDeleteAsync()
            {
                var expected = Changed(HttpStatusCode.NoContent);
                using var response = await client.Delete(id, precondition.Headers).Is(expected);
                if (expected == HttpStatusCode.NoContent)
                {
                    _users.Remove(id);
                }
            }

            // PATCH and DELETE need an existing user. Without one, preconditions are ignored.
            HttpStatusCode Changed(HttpStatusCode done) =>
                user is null ? HttpStatusCode.NotFound : precondition.Holds(user.Tag) ? done : HttpStatusCode.PreconditionFailed;

            void Keep(HttpResponseMessage response, Content content)
            {
                var tag = response.Tag();
                if (content == user?.Content)
                {
                    Assert.Equal(user.Tag, tag);
                }
                else
                {
                    Assert.True(_tags.Add(tag), $"{tag} was already the tag of another state.");
                }

                _seen[(step.Caller, id)] = tag;
                _users[id] = new(content, tag, user?.CreatedAt);
            }
        }

        // Users of other sequences come before or after those of this sequence, never between them.
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

        // The users of other sequences are found as well, but before and after these.
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

[NeedsRealMongo]
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
