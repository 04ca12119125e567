using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;

namespace UserApi.Tests.Stores.Mongo;

/// <summary>
/// What an upsert inserts depends on its filter after the server has optimised it (mongod, jstests/core/write/update/upsert_fields.js).
/// The store must not send a filter that loses its _id in the optimisation, whatever the precondition.
/// </summary>
public sealed class UpsertTests : MongoStoreTest
{
    private static readonly EntityTagSet?[] s_sets = [null, EntityTagSet.Any, new([]), new(["v"]), new(["other"]), new(["v", "other"]), new([""])];

    public static TheoryData<int, int> Preconditions =>
        [.. from match in Enumerable.Range(0, s_sets.Length) from noneMatch in Enumerable.Range(0, s_sets.Length) select (match, noneMatch)];

    [Theory]
    [MemberData(nameof(Preconditions))]
    public async Task Under_every_precondition_a_write_touches_its_own_document_or_none(int match, int noneMatch)
    {
        var precondition = new Precondition(s_sets[match], s_sets[noneMatch]);
        Server.Seed("users", "users", [Document("there")]);
        var store = Store();

        var onNone = await store.PutAsync(Id("new"), new("Ana"), precondition, returnUser: false, Cancel);
        var onOne = await store.PutAsync(Id("there"), new("Ana"), precondition, returnUser: false, Cancel);

        Assert.Equal(precondition.IsSatisfiedBy(null) ? WriteOutcome.Created : WriteOutcome.PreconditionFailed, onNone.Outcome);
        Assert.Equal(precondition.IsSatisfiedBy("v") ? WriteOutcome.Replaced : WriteOutcome.PreconditionFailed, onOne.Outcome);
        Assert.Equal(onNone.Version, (await store.FindAsync(Id("new"), Cancel))?.Version);
        Assert.Equal(onOne.Version ?? "v", (await store.FindAsync(Id("there"), Cancel))?.Version);
        Assert.Equal(onNone.Outcome == WriteOutcome.Created ? 2 : 1, Server.DocumentCount("users", "users"));
        Assert.All(UpsertFilters(), filter => Assert.True(KeepsItsId(filter), $"{filter}"));
    }

    [Fact]
    public async Task Creating_only_a_new_user_is_one_command_that_never_changes_another_one()
    {
        var store = Store();
        var createOnly = new Precondition(null, EntityTagSet.Any);
        await store.PingAsync(Cancel);

        var first = await store.PutAsync(Id("ana"), new("Ana"), createOnly, returnUser: true, Cancel);
        var second = await store.PutAsync(Id("ana"), new("Bea"), createOnly, returnUser: true, Cancel);

        Assert.Equal((WriteOutcome.Created, WriteOutcome.PreconditionFailed), (first.Outcome, second.Outcome));
        Assert.Equal(("Ana", first.Version), (await store.FindAsync(Id("ana"), Cancel)) is { } user ? (user.Name, user.Version) : default);
        var writes = Commands("findAndModify", "update").ToList();
        Assert.Equal(2, writes.Count);
        Assert.All(writes, write => Assert.Equal(
            (new BsonDocument("_id", "ana"), "$setOnInsert"), (write["query"].AsBsonDocument, string.Join(',', write["update"].AsBsonDocument.Names))));
    }

    private IEnumerable<BsonDocument> UpsertFilters() => Commands("findAndModify", "update")
        .SelectMany(command => command.Contains("updates") ? command["updates"].AsBsonArray.Select(update => update.AsBsonDocument) : [command])
        .Where(statement => statement.GetValue("upsert", false).ToBoolean())
        .Select(statement => statement.GetValue("q", statement.GetValue("query", null)).AsBsonDocument);

    // True for an equality of _id, combined with at most a $nin of at least one value and an $or of several $ne. The server neither
    // drops these nor turns them into false or an equality.
    private static bool KeepsItsId(BsonDocument filter) =>
        filter["_id"].IsString
        && filter.Elements.All(element => element.Name == "_id"
            || element.Value is BsonDocument { ElementCount: 1 } condition && condition.GetElement(0) is { Name: "$nin", Value: BsonArray { Count: > 0 } }
            || element is { Name: "$or", Value: BsonArray { Count: > 1 } any } && any.All(part =>
                part is BsonDocument { ElementCount: 1 } member && member[0] is BsonDocument { ElementCount: 1 } difference && difference.GetElement(0).Name == "$ne"));
}
