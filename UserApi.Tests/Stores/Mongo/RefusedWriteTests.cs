using System.Net;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.Api.Users.Stores;
using UserApi.Api.Users.Stores.Mongo;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>A write that the server refuses fails alone and at once. The other writes of its command get their own results.</summary>
public sealed class RefusedWriteTests : MongoStoreTest
{
    // Only writes that need not return the user are batched.
    private static readonly (string Name, string Value) s_minimal = ("Prefer", "return=minimal");

    private const int Puts = 40;

    // Messages of mongod (duplicate_key_error_info.cpp) and its older versions. An unknown message is taken to mean _id.
    [Theory]
    [InlineData("E11000 duplicate key error collection: users.users index: _id_ dup key: { _id: \"ana\" }", false, null)]
    [InlineData("E11000 duplicate key error collection: users.users index: email_1 dup key: { email: \"ana@example.org\" }", true, "email")]
    [InlineData("E11000 duplicate key error collection: users.users index: email_1 collation: { locale: \"en\" } dup key: { email: \"0x29\" }", true, "email")]
    [InlineData("E11000 duplicate key error collection: users.users index: a_1_b_1 dup key: { attributes.a: \"x: {\", attributes.b: 1 }", true, "attributes.a")]
    [InlineData("E11000 duplicate key error collection: users.users index: email_1 dup key: { : \"ana@example.org\" }", true, null)]
    [InlineData("E11000 duplicate key error index: users.users.$email_1  dup key: { : \"ana@example.org\" }", true, null)]
    [InlineData("E11000 duplicate key error index: users.users.$_id_  dup key: { : \"ana\" }", false, null)]
    [InlineData("Failing command via 'failCommand' failpoint", false, null)]
    public void A_duplicate_key_is_a_conflict_unless_it_is_the_id(string message, bool isConflict, string? field)
    {
        var refusal = MongoFailures.Refusal(11000, message);

        Assert.Equal(isConflict ? new WriteResult(WriteOutcome.Conflict) { Field = field } : null, refusal);
    }

    [Fact]
    public async Task Of_many_puts_the_one_with_a_value_that_another_user_has_is_409_and_the_others_are_done()
    {
        await AsOperatorAsync(users => users.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>(
            new BsonDocument("email", 1),
            new CreateIndexOptions<BsonDocument> { Unique = true, PartialFilterExpression = new BsonDocument("email", new BsonDocument("$exists", true)) })));
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString));
        using var client = api.CreateClient();
        await client.Put("first", Body("taken"));
        var before = Server.CommandCount("update");

        var puts = await Task.WhenAll(Enumerable.Range(0, Puts).Select(i => client.Put($"u{i}", Body(i == 13 ? "taken" : $"u{i}"), s_minimal)));

        Assert.Equal([13], puts.Index().Where(put => (int)put.Item.StatusCode == 409).Select(put => put.Index));
        Assert.Equal(Puts - 1, puts.Count(put => (int)put.StatusCode == 201));
        Assert.Equal(Puts, Server.DocumentCount("users", "users"));
        Assert.InRange(Server.CommandCount("update") - before, 1, Puts); // no put was retried
        var problem = await Task.FromResult(puts[13]).IsProblem(HttpStatusCode.Conflict);
        Assert.Equal("email must be unique: another user has this value.", problem.GetProperty("errors").GetProperty("email")[0].GetString());

        // The same conflict in a put that is not batched, and in an update of an existing user.
        await client.Put("u13", Body("taken"), ("Prefer", "return=representation")).IsProblem(HttpStatusCode.Conflict);
        await client.Patch("u12", Body("taken")).IsProblem(HttpStatusCode.Conflict);

        static string Body(string email) => $$"""{"name":"Ana","email":"{{email}}@example.org"}""";
    }

    [Fact]
    public async Task Of_many_puts_the_one_that_the_validator_refuses_is_422_and_the_others_are_done()
    {
        await AsOperatorAsync(users => users.Database.RunCommandAsync<BsonDocument>(
            new BsonDocument { { "collMod", "users" }, { "validator", new BsonDocument("name", new BsonDocument("$ne", "Refused")) } }));
        await using var api = new ApiFactory(("ConnectionStrings:users", Server.ConnectionString));
        using var client = api.CreateClient();

        var puts = await Task.WhenAll(Enumerable.Range(0, Puts).Select(i => client.Put($"u{i}", Body(i == 13 ? "Refused" : "Ana"), s_minimal)));

        Assert.Equal([13], puts.Index().Where(put => (int)put.Item.StatusCode == 422).Select(put => put.Index));
        Assert.Equal(Puts - 1, puts.Count(put => (int)put.StatusCode == 201));
        var problem = await client.Put("u13", Body("Refused"), ("If-None-Match", "*")).IsProblem(HttpStatusCode.UnprocessableEntity);
        Assert.Equal("/problems/database-rule", problem.GetProperty("type").GetString());
        Assert.Equal(Puts - 1, Server.DocumentCount("users", "users"));

        static string Body(string name) => $$"""{"name":"{{name}}"}""";
    }

    [Fact]
    public async Task An_id_that_always_collides_is_tried_a_few_times_and_given_up()
    {
        Server.Seed("users", "users", [Document("other")]);
        var store = Store();
        await store.PingAsync(Cancel);
        Server.ConfigureFailPoint("racingUpsert", "alwaysOn", new("document", Document("other")));

        foreach (var returnUser in (bool[])[true, false])
        {
            var failure = await Assert.ThrowsAsync<StoreUnavailableException>(
                () => store.PutAsync(Id("ana"), new("Ana"), default, returnUser, Cancel).AsTask());
            Assert.False(failure.MayHaveBeenApplied);
        }

        Assert.Equal((4, 4), (Server.CommandCount("findAndModify"), Server.CommandCount("update")));
    }
}
