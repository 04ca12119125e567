using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>Documents that other programs wrote make no page fail, and no write that was applied.</summary>
public sealed class ForeignDocumentTests : MongoStoreTest
{
    // Documents that are not users; each _id says why.
    private static readonly BsonDocument[] s_noUsers =
    [
        new() { { "_id", ObjectId.GenerateNewId() }, { "user_id", "ana" }, { "user_name", "Ana" } },
        new() { { "_id", 7 }, { "name", "Ana" } },
        new() { { "_id", BsonNull.Value }, { "name", "Ana" } },
        new() { { "_id", DateTime.UnixEpoch }, { "name", "Ana" } },
        new() { { "_id", "no-name" } },
        new() { { "_id", "null-name" }, { "name", BsonNull.Value } },
        new() { { "_id", "number-name" }, { "name", 5 } },
        new() { { "_id", "number-email" }, { "name", "Ana" }, { "email", 5 } },
        new() { { "_id", "number-attribute" }, { "name", "Ana" }, { "attributes", new BsonDocument("a", 5) } },
        new() { { "_id", "array-attributes" }, { "name", "Ana" }, { "attributes", new BsonArray { "a" } } },
        new() { { "_id", "not an id" }, { "name", "Ana" } },
        new() { { "_id", "/" }, { "name", "Ana" } },
    ];

    // Documents that are users, although this program would not write them.
    private static readonly BsonDocument[] s_users =
    [
        new() { { "_id", "bare" }, { "name", "Ana" } },
        new() { { "_id", "null-members" }, { "name", "Ana" }, { "email", BsonNull.Value }, { "attributes", BsonNull.Value }, { "createdAt", BsonNull.Value } },
        new() { { "_id", "odd-times" }, { "name", "Ana" }, { "createdAt", "yesterday" }, { "updatedAt", new BsonDateTime(long.MaxValue) } },
        new() { { "_id", "odd-version" }, { "name", "Ana" }, { "version", 3 } },
        new() { { "_id", "unspeakable-version" }, { "name", "Ana" }, { "version", "\u00fc\"\n" } },
        new() { { "_id", "empty-version" }, { "name", "Ana" }, { "version", "" } },
        new() { { "_id", "more" }, { "name", "Ana" }, { "phones", new BsonArray { 1 } }, { "version", "v" } },
    ];

    public static TheoryData<string> Users => [.. s_users.Select(user => user["_id"].AsString)];

    public static TheoryData<string> NoUsers => [.. s_noUsers.Select(user => user["_id"]).OfType<BsonString>().Select(id => id.Value).Where(id => UserId.TryParse(id, out _, out _))];

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(200)]
    public async Task Pages_hold_what_is_a_user_and_only_that(int limit)
    {
        Server.Seed("users", "users", [.. s_noUsers, .. s_users]);
        using var unreadable = new Unreadable();
        using var logs = new LogCollector();
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(logs),
        };
        using var client = api.CreateClient();

        var ids = new List<string>();
        for (var path = $"/users?limit={limit}"; path is not null;)
        {
            var page = await (await client.Send("GET", path).Is(HttpStatusCode.OK)).Read();
            ids.AddRange(page.GetProperty("items").EnumerateArray().Select(user => user.GetProperty("id").GetString()!));
            path = page.GetProperty("next").GetString() is { } next ? $"/users?limit={limit}&after={next}" : null;
        }

        Assert.Equal(s_users.Select(user => user["_id"].AsString).Order(StringComparer.Ordinal), ids);
        Assert.InRange(unreadable.Count, 8, 8 * 8);
        Assert.Single(logs.Lines, line => line.Contains("cannot be read as a user", StringComparison.Ordinal));
    }

    // A filter on string ids never matches other types (MongoDB's manual, "Type Bracketing in Query Predicates"), so reading pages does not
    // reveal these documents.
    [Theory]
    [InlineData("{ _id: ObjectId('507f1f77bcf86cd799439011'), user_id: 'ana', user_name: 'Ana' }")]
    [InlineData("{ _id: NumberLong(-7), name: 'Ana' }")]
    public async Task A_collection_of_another_program_does_not_look_empty_without_a_word(string document)
    {
        Server.Seed("users", "users", [BsonDocument.Parse(document)]);
        using var unreadable = new Unreadable();
        using var logs = new LogCollector();
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(logs),
        };
        using var client = api.CreateClient();

        await client.Send("GET", "/health").Is(HttpStatusCode.OK);
        await client.Send("GET", "/").Is(HttpStatusCode.OK);

        Assert.Equal(1, unreadable.Count);
        Assert.Single(logs.Lines, line => line.Contains("cannot be read as a user", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Users))]
    public async Task A_user_that_another_program_wrote_is_read_and_written_under_every_kind_of_condition(string id)
    {
        Server.Seed("users", "users", s_users);
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString));
        using var client = api.CreateClient();
        var tag = (await client.Get(id).Is(HttpStatusCode.OK)).Tag();
        await client.Get(id, ("If-None-Match", tag)).Is(HttpStatusCode.NotModified);

        await client.Put(id, HttpSteps.Ana, ("If-None-Match", tag)).IsProblem(HttpStatusCode.PreconditionFailed);
        tag = (await client.Get(id)).Tag();
        await client.Put(id, HttpSteps.Ana, ("If-None-Match", "*")).IsProblem(HttpStatusCode.PreconditionFailed);
        await client.Put(id, HttpSteps.Ana, ("If-Match", "\"other\"")).IsProblem(HttpStatusCode.PreconditionFailed);
        await client.Delete(id, ("If-Match", "\"other\"")).IsProblem(HttpStatusCode.PreconditionFailed);
        Assert.Equal(tag, (await client.Get(id)).Tag());

        await client.Put(id, HttpSteps.Ana, ("If-Match", tag), ("Prefer", "return=representation")).Is(HttpStatusCode.OK);
        await client.Delete(id).Is(HttpStatusCode.NoContent);
    }

    [Theory]
    [MemberData(nameof(Users))]
    public async Task The_tag_of_a_user_without_a_version_holds_for_one_write(string id)
    {
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString));
        using var client = api.CreateClient();
        Func<string, Task<HttpResponseMessage>>[] writes =
        [
            tag => client.Put(id, """{"name":"Bea"}""", ("If-Match", tag)),
            tag => client.Patch(id, """{"email":"ana@example.org"}""", ("If-Match", tag)),
            tag => client.Delete(id, ("If-Match", tag)),
        ];
        foreach (var write in writes)
        {
            await client.Delete(id);
            Server.Seed("users", "users", [s_users.Single(user => user["_id"] == id)]);
            var tag = (await client.Get(id).Is(HttpStatusCode.OK)).Tag();

            Assert.True((await write(tag)).IsSuccessStatusCode);
            await write(tag).IsProblem((await client.Get(id)).IsSuccessStatusCode ? HttpStatusCode.PreconditionFailed : HttpStatusCode.NotFound);
        }
    }

    [Fact]
    public async Task The_tag_of_a_user_without_a_version_does_not_hold_for_another_content()
    {
        Server.Seed("users", "users", [s_users[0]]);
        var store = Store();
        var seen = await store.FindAsync(Id("bare"), Cancel);
        await AsOperatorAsync(
            users => users.UpdateOneAsync(new BsonDocument("_id", "bare"), new BsonDocument("$set", new BsonDocument("name", "Bea"))), isNew: false);

        var write = await store.PutAsync(Id("bare"), new("Cay"), Precondition.Matches(seen!.Version), returnUser: false, Cancel);

        Assert.Equal(WriteOutcome.PreconditionFailed, write.Outcome);
        Assert.Equal("Bea", (await store.FindAsync(Id("bare"), Cancel))?.Name);
    }

    [Theory]
    [MemberData(nameof(Users))]
    public async Task The_first_write_gives_a_version(string id)
    {
        Server.Seed("users", "users", s_users);
        var store = Store();

        var put = await store.PutAsync(Id(id), new("Bea"), default, returnUser: true, Cancel);

        Assert.Equal((WriteOutcome.Replaced, DateTime.UnixEpoch), (put.Outcome, put.User!.CreatedAt));
        Assert.Equal(put.User with { Attributes = null }, await store.FindAsync(Id(id), Cancel));
    }

    [Theory]
    [MemberData(nameof(NoUsers))]
    public async Task What_is_no_user_is_not_found_until_a_write_makes_it_one(string id)
    {
        Server.Seed("users", "users", s_noUsers);
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString));
        using var client = api.CreateClient();

        await client.Get(id).IsProblem(HttpStatusCode.NotFound);
        await client.Patch(id, HttpSteps.Ana).IsProblem(HttpStatusCode.NotFound);
        await client.Put(id, HttpSteps.Ana, ("If-None-Match", "*")).IsProblem(HttpStatusCode.PreconditionFailed);
        await client.Put(id, HttpSteps.Ana, ("Prefer", "return=representation")).Is(HttpStatusCode.OK);
        await client.Get(id).Is(HttpStatusCode.OK);
    }

    [Fact]
    public async Task Text_that_is_not_UTF_8_fails_nothing()
    {
        // The driver cannot write invalid UTF-8, so the first byte of "ü" is replaced in the serialized document.
        var document = Document("latin1", name: "M\u00fcller").ToBson();
        document[document.AsSpan().IndexOf(Encoding.UTF8.GetBytes("\u00fc"))] = (byte)'x';
        document[document.AsSpan().IndexOf((byte)0xbc)] = 0xbc;
        Server.Seed("users", "users", [new RawBsonDocument(document)]);
        var store = Store();

        Assert.Equal("Mx\ufffdller", (await store.FindAsync(Id("latin1"), Cancel))?.Name);
        Assert.Equal("Mx\ufffdller", (await store.ListAsync(null, 10, Cancel)).Items.Single().Name);
    }

    /// <summary>Sums up the metric <c>userapi.users.unreadable</c> of all stores in the process.</summary>
    private sealed class Unreadable : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _count;

        public Unreadable()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name == "userapi.users.unreadable")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref _count, count));
            _listener.Start();
        }

        public long Count => Interlocked.Read(ref _count);

        public void Dispose() => _listener.Dispose();
    }
}
