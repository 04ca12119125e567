using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Driver;
using UserApi.MongoWire;

namespace UserApi.Tests;

/// <summary>
/// Rules of mongod that the store relies on. Each test names the test or source of mongod that proves the same for the real server, because
/// a double that is written together with the code that it tests proves only that both agree, not that either is right.
/// </summary>
public sealed class MongodRulesTests : MongoWireTest
{
    // jstests/core/write/update/upsert_fields.js
    [Theory]
    [InlineData("{ _id: 'a' }")]
    [InlineData("{ _id: { $eq: 'a' } }")]
    [InlineData("{ _id: { $in: ['a'] } }")]
    [InlineData("{ $and: [{ _id: 'a' }] }")]
    [InlineData("{ $or: [{ _id: 'a' }] }")]
    [InlineData("{ $or: [{ _id: { $eq: 'a' } }] }")]
    public async Task An_upsert_takes_the_id_that_the_optimised_query_equals(string query)
    {
        Assert.Equal("a", await UpsertAsync(query));
    }

    // jstests/core/write/update/upsert_fields.js
    [Theory]
    [InlineData("{ }")]
    [InlineData("{ _id: { $gt: 'a' } }")]
    [InlineData("{ _id: { $ne: 'a' } }")]
    [InlineData("{ _id: { $in: ['a', 'b'] } }")]
    [InlineData("{ _id: { $exists: true } }")]
    [InlineData("{ $or: [{ _id: 'a' }, { _id: 'b' }] }")]
    public async Task An_upsert_makes_an_id_up_where_the_query_equals_none(string query)
    {
        Assert.IsType<BsonObjectId>(await UpsertAsync(query));
    }

    // src/mongo/db/matcher/expression_optimize_test.cpp, EmptyInOptimizesToAlwaysFalse and NestedAndWithAlwaysFalseOptimizesToAlwaysFalse:
    // a query that is always false has no equality left, so the new document does not get the id that the query names.
    [Theory]
    [InlineData("{ _id: 'a', version: { $in: [] } }")]
    [InlineData("{ version: { $in: [] }, _id: 'a' }")]
    [InlineData("{ $and: [{ $and: [{ version: { $in: [] } }, { _id: 'a' }] }, { name: 'Ann' }] }")]
    [InlineData("{ _id: 'a', $or: [{ version: { $in: [] } }] }")]
    public async Task An_upsert_that_nothing_can_match_inserts_another_document_every_time(string query)
    {
        var ids = new[] { await UpsertAsync(query), await UpsertAsync(query) };

        Assert.All(ids, id => Assert.IsType<BsonObjectId>(id));
        Assert.Equal(2, Server.DocumentCount("users", "users"));
    }

    // jstests/core/write/update/upsert_fields.js: an operator that is not an equality adds nothing and removes nothing.
    [Theory]
    [InlineData("{ _id: 'a', version: { $nin: ['v', 'w'] } }")]
    [InlineData("{ _id: 'a', version: { $nin: [] } }")]
    [InlineData("{ _id: 'a', version: { $ne: 'v' } }")]
    [InlineData("{ _id: 'a', version: { $in: ['v', 'w'] } }")]
    [InlineData("{ _id: 'a', $or: [{ name: 'Ann' }, { version: { $in: [] } }, { name: 'Bob' }] }")]
    [InlineData("{ _id: 'a', $or: [{ name: { $ne: 'Ann' } }, { email: { $ne: null } }] }")]
    [InlineData("{ _id: 'a', version: { $nin: ['v'] }, $or: [{ name: { $ne: 'Ann' } }, { attributes: { $ne: { x: '1' } } }] }")]
    public async Task An_upsert_keeps_the_id_beside_other_conditions(string query)
    {
        Assert.Equal("a", await UpsertAsync(query));
        Assert.Equal(["_id", "x"], (await Users.Find("{ }").SingleAsync(Cancellation)).Names);
    }

    // An $or beside an equality is kept, even where mongod 8 simplifies (expression_simplifier_test.cpp, ContainedOr), so the insert has
    // the id of the document that was not matched, and collides with it. mongod itself retries such an upsert only if the query consists
    // of equalities (write_ops_exec.cpp, shouldRetryDuplicateKeyException). For $ne, see jstests/core/query/ne/ne_null.js and ne_array.js.
    // Two documents are equal if they have the same fields in the same order (manual, "Query on Embedded/Nested Documents").
    [Theory]
    [InlineData("{ name: 'Ann', attributes: { x: '1', y: '2' } }", true)]
    [InlineData("{ name: 'Ann', email: null, attributes: { x: '1', y: '2' } }", true)]
    [InlineData("{ name: ['Ann'], attributes: { x: '1', y: '2' } }", true)]
    [InlineData("{ name: 'ann', attributes: { x: '1', y: '2' } }", false)]
    [InlineData("{ name: 'Ann', email: 'a@example.org', attributes: { x: '1', y: '2' } }", false)]
    [InlineData("{ name: 'Ann', attributes: { y: '2', x: '1' } }", false)]
    [InlineData("{ name: 'Ann', attributes: { x: '1' } }", false)]
    [InlineData("{ name: 'Ann' }", false)]
    [InlineData("{ attributes: { x: '1', y: '2' } }", false)]
    public async Task An_upsert_that_asks_for_a_difference_collides_with_a_document_that_has_none(string document, bool collides)
    {
        Server.Seed("users", "users", [BsonDocument.Parse(document).Add("_id", "a")]);

        var failure = await Record.ExceptionAsync(() => UpsertAsync(
            "{ _id: 'a', $or: [{ name: { $ne: 'Ann' } }, { email: { $ne: null } }, { attributes: { $ne: { x: '1', y: '2' } } }] }"));

        Assert.Equal(collides ? 11000 : 0, (failure as MongoCommandException)?.Code ?? 0);
        Assert.Equal(collides ? "_id" : null, (failure as MongoCommandException)?.Result["keyPattern"].AsBsonDocument.GetElement(0).Name);
        Assert.Equal(!collides, (await Users.Find("{ }").SingleAsync(Cancellation)).Contains("x"));
    }

    // jstests/core/write/update/upsert_fields.js: a replacement takes only _id from the query.
    [Theory]
    [InlineData("{ $set: { x: 1 } }", "{ _id: 'a', name: 'Ann', x: 1 }")]
    [InlineData("{ x: 1 }", "{ _id: 'a', x: 1 }")]
    public async Task An_upsert_takes_other_equal_fields_only_into_what_operators_make(string update, string expected)
    {
        await UpsertAsync("{ _id: 'a', name: { $in: ['Ann'] } }", update);

        Assert.Equal(BsonDocument.Parse(expected), await Users.Find("{ }").SingleAsync(Cancellation));
    }

    // jstests/core/write/update/upsert_fields.js; the code is NotSingleValueField (src/mongo/base/error_codes.yml).
    [Fact]
    public async Task An_upsert_by_two_values_of_one_field_is_refused()
    {
        var e = await Assert.ThrowsAsync<MongoCommandException>(() => UpsertAsync("{ $and: [{ _id: 'a' }, { _id: 'b' }] }"));

        Assert.Equal(54, e.Code);
    }

    // MongoDB's manual, "Query an Array"; $ne and $nin are negations (src/mongo/db/matcher/expression_parser.cpp makes them a NOT).
    [Theory]
    [InlineData("{ tags: 1 }", "a b")]
    [InlineData("{ tags: 1, $and: [{ tags: 2 }] }", "a")]
    [InlineData("{ tags: { $in: [2, 3] } }", "a c")]
    [InlineData("{ tags: { $gt: 2 } }", "c")]
    [InlineData("{ tags: [1, 2, 1] }", "a")]
    [InlineData("{ tags: { $ne: 1 } }", "c d e")]
    [InlineData("{ tags: { $nin: [1, 3] } }", "d e")]
    [InlineData("{ tags: { $exists: false } }", "e")]
    public async Task A_filter_finds_an_array_by_one_of_its_elements(string filter, string ids)
    {
        await SeedArraysAsync();

        Assert.Equal(ids, string.Join(' ', (await Users.Find(filter).Sort("{ _id: 1 }").ToListAsync(Cancellation)).Select(document => document["_id"].AsString)));
    }

    // Multikey: MongoDB's manual, "Multikey Indexes"; each document comes once. A sort by another field than the array needs no sort of its own
    // ("Use Indexes to Sort Query Results": what sorts anew is a sort on the array). Missing fields are indexed as null and found by
    // {$exists: false} (src/mongo/db/query/index_bounds_builder.cpp: "a point-interval on [null,null]").
    [Theory]
    [InlineData("tags", "{ tags: 1 }", "{ _id: 1 }", "a b")]
    [InlineData("tags", "{ tags: 1, _id: { $gt: 'a' } }", "{ _id: 1 }", "b")]
    [InlineData("tags", "{ tags: { $gte: 1 } }", "{ _id: -1 }", "c b a")]
    [InlineData("tags", "{ tags: { $exists: false } }", "{ _id: 1 }", "e")]
    [InlineData("n", "{ n: { $gte: 2 } }", "{ n: 1, _id: 1 }", "b c d a")]
    [InlineData("n", "{ n: { $gte: 2 } }", "{ n: -1, _id: -1 }", "a d c b")]
    [InlineData("n", "{ n: { $lt: 3 } }", "{ n: -1, _id: -1 }", "c b")]
    [InlineData("n", "{ n: 3, _id: { $lt: 'd' } }", "{ _id: -1 }", "")]
    [InlineData("n", "{ n: { $gt: 2, $lt: 4 } }", "{ n: 1, _id: 1 }", "d")]
    [InlineData("n", "{ n: { $exists: false }, _id: { $gt: 'a' } }", "{ _id: 1 }", "e")]
    [InlineData("n", "{ n: { $gte: 0 }, tags: 1 }", "{ _id: 1 }", "a b")]
    public async Task A_hint_chooses_the_index_and_not_what_is_found(string hint, string filter, string sort, string ids)
    {
        await SeedArraysAsync();
        await Users.Indexes.CreateManyAsync(
            [new("{ tags: 1, _id: 1 }", new() { Name = "tags" }), new("{ n: 1, _id: 1 }", new() { Name = "n" })], Cancellation);

        using var found = await Users.FindAsync(filter, new() { Hint = hint, Sort = sort }, Cancellation);

        Assert.Equal(ids, string.Join(' ', (await found.ToListAsync(Cancellation)).Select(document => document["_id"].AsString)));
        Assert.Equal(ids.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length, await Users.CountDocumentsAsync(filter, new() { Hint = hint }, Cancellation));
        Assert.Equal(Math.Min(1, ids.Length), await Users.CountDocumentsAsync(filter, new() { Hint = hint, Limit = 1 }, Cancellation));
    }

    // src/mongo/db/query/query_planner.cpp: BadValue, "hint provided does not correspond to an existing index"
    [Fact]
    public async Task A_hint_to_an_index_that_is_not_there_is_refused()
    {
        var e = await Assert.ThrowsAsync<MongoCommandException>(() => Users.FindAsync("{ }", new() { Hint = "n" }, Cancellation));

        Assert.Equal(2, e.Code);
    }

    // MongoDB's manual, "Sparse Indexes": "Sparse and Unique Properties"
    [Fact]
    public async Task A_sparse_unique_index_lets_many_documents_be_without_the_field()
    {
        await Users.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ 'k.email': 1 }", new() { Name = "e", Unique = true, Sparse = true }), null, Cancellation);
        await Users.InsertManyAsync([new("_id", "a"), new("_id", "b"), BsonDocument.Parse("{ _id: 'c', k: { email: 'x' } }")], null, Cancellation);

        var e = await Assert.ThrowsAsync<MongoCommandException>(() => UpdateAsync("b"));
        Assert.Equal(11000, e.Code);
        Assert.Contains("index: e dup key: { k.email: \"x\" }", e.Message, StringComparison.Ordinal);
        await Users.DeleteOneAsync("{ _id: 'c' }", Cancellation);
        await UpdateAsync("b");
        await UpdateAsync("b");

        Task UpdateAsync(string id) => Users.FindOneAndUpdateAsync<BsonDocument>($"{{ _id: '{id}' }}", "{ $set: { k: { email: 'x' } } }", null, Cancellation);
    }

    // src/mongo/base/error_codes.yml: CannotIndexParallelArrays
    [Fact]
    public async Task Two_arrays_in_one_index_are_refused()
    {
        await Users.Indexes.CreateOneAsync(new CreateIndexModel<BsonDocument>("{ a: 1, b: 1 }"), null, Cancellation);

        var e = await Assert.ThrowsAsync<MongoWriteException>(() => Users.InsertOneAsync(BsonDocument.Parse("{ a: [1], b: [2] }"), null, Cancellation));
        Assert.Equal(171, e.WriteError.Code);
    }

    // jstests/core/max_time_ms.js
    [Theory]
    [InlineData("{ find: 'users' }")]
    [InlineData("{ findAndModify: 'users', query: { _id: 'a' }, update: { $set: { x: 1 } }, upsert: true }")]
    [InlineData("{ update: 'users', updates: [{ q: { _id: 'a' }, u: { $set: { x: 1 } }, upsert: true }] }")]
    public async Task The_maxTimeMS_of_a_command_ends_its_work(string command)
    {
        Server.ExecutionTime = TimeSpan.FromMinutes(1);
        var watch = Stopwatch.StartNew();

        var e = await Assert.ThrowsAsync<MongoExecutionTimeoutException>(() => RunAsync(BsonDocument.Parse(command).Add("maxTimeMS", 50)));

        Assert.Equal((50, "MaxTimeMSExpired"), (e.Code, e.CodeName));
        Assert.InRange(watch.ElapsedMilliseconds, 45, 10_000);
        Assert.Equal(0, Server.DocumentCount("users", "users"));
        Server.ExecutionTime = TimeSpan.Zero;
        await RunAsync(BsonDocument.Parse(command).Add("maxTimeMS", 0)); // 0 is no limit
    }

    // jstests/core/max_time_ms.js
    [Theory]
    [InlineData("{ find: 'users', maxTimeMS: -1 }")]
    [InlineData("{ find: 'users', maxTimeMS: NumberLong(2147483648) }")]
    public async Task A_maxTimeMS_out_of_range_is_refused(string command)
    {
        Assert.Equal(2, (await Assert.ThrowsAsync<MongoCommandException>(() => RunAsync(command))).Code);
    }

    // src/mongo/db/service_entry_point_common.cpp: the failpoint blocks before the command's maxTimeMS starts to count.
    [Fact]
    public async Task FailCommand_blocks_longer_than_maxTimeMS()
    {
        FailCommand("alwaysOn", "failCommands: ['find'], blockConnection: true, blockTimeMS: 100");

        await RunAsync("{ find: 'users', maxTimeMS: 20 }");
    }

    // jstests/replsets, "Tests timeout behavior of waiting for write concern as well as its interaction with maxTimeMs"
    [Theory]
    [InlineData("writeConcern: { w: 3, wtimeout: 50 }", 64, "WriteConcernFailed")]
    [InlineData("writeConcern: { w: 'majority', wtimeout: 50 }", 64, "WriteConcernFailed")]
    [InlineData("writeConcern: { w: 'majority', j: true, wtimeout: 50 }, maxTimeMS: 100000", 64, "WriteConcernFailed")]
    [InlineData("writeConcern: { w: 'majority' }, maxTimeMS: 50", 50, "MaxTimeMSExpired")]
    [InlineData("writeConcern: { w: 'majority', wtimeout: 100000 }, maxTimeMS: 50", 50, "MaxTimeMSExpired")]
    public async Task A_write_that_no_majority_gets_is_applied_and_says_so_when_its_time_is_over(string options, int code, string codeName)
    {
        Server.HasMajority = false;

        var reply = await Assert.ThrowsAsync<MongoWriteConcernException>(
            () => RunAsync($"{{ insert: 'users', documents: [{{ _id: 'a' }}], {options} }}"));

        var error = reply.Result["writeConcernError"].AsBsonDocument;
        Assert.Equal((code, codeName), (error["code"].AsInt32, error["codeName"].AsString));
        Assert.Equal(code == 64, error.Contains("errInfo"));
        Assert.Equal(1, Server.DocumentCount("users", "users"));
    }

    // As above. Without a write concern, the replica set's default applies: majority since 5.0 (manual, "Implicit Default Write Concern").
    [Theory]
    [InlineData("writeConcern: { w: 'majority' }")]
    [InlineData("ordered: true")]
    public async Task A_write_without_a_limit_waits_for_a_majority_as_long_as_it_takes(string options)
    {
        Server.HasMajority = false;

        var write = RunAsync($"{{ insert: 'users', documents: [{{ _id: 'a' }}], {options} }}");
        await Eventually(() => Server.DocumentCount("users", "users") == 1);
        await RunAsync("{ insert: 'users', documents: [{ _id: 'b' }], writeConcern: { w: 1 } }"); // does not wait
        Assert.False(write.IsCompleted);
        Server.HasMajority = true;

        Assert.Equal(1, (await write.WaitAsync(TimeSpan.FromSeconds(10), Cancellation))["n"]);
    }

    // jstests/core/write/update/batch_write_command_update.js: "Upsert fail due to duplicate key index"
    [Theory]
    [InlineData(false, "1 2", "0 3", "a d")]
    [InlineData(true, "1", "0", "a")]
    public async Task A_batch_names_what_failed_and_goes_on_unless_it_is_ordered(bool ordered, string failed, string upserted, string ids)
    {
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true }");
        BsonDocument[] updates = [.. "a1 b1 c1 d2".Split(' ').Select(item => BsonDocument.Parse(
            $"{{ q: {{ _id: '{item[0]}' }}, u: {{ $set: {{ email: '{item[1]}' }} }}, upsert: true }}"))];

        var reply = await Users.Database.RunCommandAsync<RawBsonDocument>(
            new BsonDocument { { "update", "users" }, { "updates", new BsonArray(updates) }, { "ordered", ordered } }, null, Cancellation);

        Assert.Equal(failed, string.Join(' ', reply["writeErrors"].AsBsonArray.Select(error => error["index"])));
        Assert.All(reply["writeErrors"].AsBsonArray, error => Assert.Equal(11000, error["code"]));
        Assert.Equal(upserted, string.Join(' ', reply["upserted"].AsBsonArray.Select(item => item["index"])));
        Assert.Equal(ids, string.Join(' ', (await Users.Find("{ }").ToListAsync(Cancellation)).Select(document => document["_id"])));
    }

    // src/mongo/db/storage/duplicate_key_error_info.cpp
    [Theory]
    [InlineData("{ insert: 'users', documents: [{ _id: 'a', email: 'x' }] }", "{ _id: 1 }", "{ _id: 'a' }")]
    [InlineData("{ insert: 'users', documents: [{ _id: 'b', email: 'x' }] }", "{ email: 1 }", "{ email: 'x' }")]
    [InlineData("{ update: 'users', updates: [{ q: { _id: 'b' }, u: { $set: { email: 'x' } }, upsert: true }] }", "{ email: 1 }", "{ email: 'x' }")]
    [InlineData("{ update: 'users', updates: [{ q: { _id: 'c' }, u: { $set: { email: 'x' } } }] }", "{ email: 1 }", "{ email: 'x' }")]
    public async Task A_duplicate_key_says_which_index_has_which_value(string command, string keyPattern, string keyValue)
    {
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true }");
        await Users.InsertManyAsync([new() { { "_id", "a" }, { "email", "x" } }, new() { { "_id", "c" }, { "email", "y" } }], null, Cancellation);

        var error = (await RunAsync(command))["writeErrors"][0].AsBsonDocument;

        Assert.Equal(11000, error["code"]);
        Assert.Equal((BsonDocument.Parse(keyPattern), BsonDocument.Parse(keyValue)), (error["keyPattern"], error["keyValue"]));
    }

    // src/mongo/db/storage/duplicate_key_error_info.cpp: a findAndModify fails as a whole, with the same fields.
    [Fact]
    public async Task A_duplicate_key_of_findAndModify_has_its_details_too()
    {
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true }");
        await Users.InsertOneAsync(new() { { "_id", "a" }, { "email", "x" } }, null, Cancellation);

        var e = await Assert.ThrowsAsync<MongoCommandException>(() => UpsertAsync("{ _id: 'b' }", "{ $set: { email: 'x' } }"));

        Assert.Equal((11000, BsonDocument.Parse("{ email: 1 }")), (e.Code, e.Result["keyPattern"].AsBsonDocument));
        Assert.Equal("""E11000 duplicate key error collection: users.users index: email_1 dup key: { email: "x" }""", e.Result["errmsg"]);
    }

    // jstests/core/index/index_partial_write_ops.js: "Documents with duplicate keys that straddle the index"
    [Fact]
    public async Task A_partial_unique_index_knows_only_the_documents_that_its_filter_matches()
    {
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true, partialFilterExpression: { email: { $exists: true } } }");
        await Users.InsertManyAsync([new("_id", "a"), new("_id", "b"), new() { { "_id", "c" }, { "email", "x" } }], null, Cancellation);

        await AssertTakenAsync("a", "x");
        await Users.UpdateOneAsync(ById("c"), Updates.Set("email", "y"), null, Cancellation);
        await Users.UpdateOneAsync(ById("a"), Updates.Set("email", "x"), null, Cancellation); // "c" has another value now
        await AssertTakenAsync("b", "x");
        await Users.UpdateOneAsync(ById("a"), Updates.Unset("email"), null, Cancellation);
        await Users.UpdateOneAsync(ById("b"), Updates.Set("email", "x"), null, Cancellation); // "a" has left the index
        await Users.DeleteOneAsync(ById("b"), Cancellation);
        await Users.UpdateOneAsync(ById("a"), Updates.Set("email", "x"), null, Cancellation); // "b" is gone
        Assert.Equal("a", (await Users.Find("{ email: 'x' }").SingleAsync(Cancellation))["_id"]);

        async Task AssertTakenAsync(string id, string email)
        {
            var e = await Assert.ThrowsAsync<MongoWriteException>(() => Users.UpdateOneAsync(ById(id), Updates.Set("email", email), null, Cancellation));
            Assert.Equal(ServerErrorCategory.DuplicateKey, e.WriteError.Category);
        }
    }

    // manual, "Unique Indexes": a unique index stores null for a document without the field, so only one is allowed.
    [Fact]
    public async Task A_unique_index_over_all_documents_allows_one_without_the_field()
    {
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true }");
        await Users.InsertOneAsync(new("_id", "a"), null, Cancellation);

        var e = await Assert.ThrowsAsync<MongoWriteException>(() => Users.InsertOneAsync(new("_id", "b"), null, Cancellation));

        Assert.Equal(ServerErrorCategory.DuplicateKey, e.WriteError.Category);
    }

    // jstests/core/index/create_indexes.js
    [Fact]
    public async Task An_index_is_built_once_and_a_later_wish_for_it_changes_nothing()
    {
        var first = await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1' }");
        var again = await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1' }");

        Assert.Equal((true, 1, 2, false), (first["createdCollectionAutomatically"], first["numIndexesBefore"], first["numIndexesAfter"], first.Contains("note")));
        Assert.Equal((false, 2, 2, true), (again["createdCollectionAutomatically"], again["numIndexesBefore"], again["numIndexesAfter"], again.Contains("note")));
        Assert.Equal(["_id_", "email_1"], await IndexNamesAsync());
    }

    // jstests/core/index/index_signature.js and src/mongo/db/catalog/index_catalog_impl.cpp (_doesSpecConflictWithExisting)
    [Theory]
    [InlineData("{ key: { email: 1 }, name: 'other' }", 85)]
    [InlineData("{ key: { name: 1 }, name: 'email_1' }", 86)]
    [InlineData("{ key: { email: 1 }, name: 'email_1', unique: true }", 86)]
    [InlineData("{ key: { email: 1 }, name: 'email_1', partialFilterExpression: { email: { $exists: true } } }", 86)]
    [InlineData("{ key: { email: 1 }, name: 'unique', unique: true }", 0)]
    [InlineData("{ key: { email: 1 }, name: 'partial', partialFilterExpression: { email: { $exists: true } } }", 0)]
    public async Task An_index_that_contradicts_another_is_refused(string specification, int code)
    {
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1' }");

        var e = await Record.ExceptionAsync(() => CreateIndexAsync(specification));

        Assert.Equal(code, (e as MongoCommandException)?.Code ?? 0);
        Assert.Equal(code == 0 ? 3 : 2, (await IndexNamesAsync()).Count);
    }

    // jstests/core/index/create_indexes.js
    [Theory]
    [InlineData("{ key: { }, name: 'x' }", 67)]
    [InlineData("{ key: { x: '' }, name: 'x' }", 67)]
    [InlineData("{ key: { x: 1 }, name: 'x', invalidField: 1 }", 197)]
    public async Task What_is_no_index_is_refused(string specification, int code)
    {
        Assert.Equal(code, (await Assert.ThrowsAsync<MongoCommandException>(() => CreateIndexAsync(specification))).Code);
    }

    // src/mongo/db/storage/duplicate_key_error_info.cpp and manual, "Index Builds on Populated Collections": one violation fails the build.
    [Fact]
    public async Task A_unique_index_cannot_be_built_over_documents_that_break_it()
    {
        await Users.InsertManyAsync([new() { { "_id", "a" }, { "email", "x" } }, new() { { "_id", "b" }, { "email", "x" } }], null, Cancellation);

        var e = await Assert.ThrowsAsync<MongoCommandException>(() => CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true }"));

        Assert.Equal((11000, BsonDocument.Parse("{ email: 'x' }")), (e.Code, e.Result["keyValue"].AsBsonDocument));
        Assert.Equal(["_id_"], await IndexNamesAsync());
        await Users.InsertOneAsync(new() { { "_id", "c" }, { "email", "x" } }, null, Cancellation);
    }

    // jstests/core/list_indexes.js and the manual on dropIndexes
    [Fact]
    public async Task Indexes_are_listed_and_dropped_by_name()
    {
        Assert.Equal(26, (await Assert.ThrowsAsync<MongoCommandException>(() => RunAsync("{ listIndexes: 'users' }"))).Code);
        await CreateIndexAsync("{ key: { email: 1 }, name: 'email_1', unique: true, partialFilterExpression: { email: { $exists: true } } }");
        await CreateIndexAsync("{ key: { name: 1, _id: 1 }, name: 'by name' }");

        var listed = (await RunAsync("{ listIndexes: 'users' }"))["cursor"]["firstBatch"].AsBsonArray;
        Assert.Equal(
            [
                BsonDocument.Parse("{ v: 2, key: { _id: 1 }, name: '_id_' }"),
                BsonDocument.Parse("{ v: 2, key: { email: 1 }, name: 'email_1', unique: true, partialFilterExpression: { email: { $exists: true } } }"),
                BsonDocument.Parse("{ v: 2, key: { name: 1, _id: 1 }, name: 'by name' }"),
            ],
            listed);

        await Users.Indexes.DropOneAsync("email_1", Cancellation);
        Assert.Equal(["_id_", "by name"], await IndexNamesAsync());
        Assert.Equal(27, (await Assert.ThrowsAsync<MongoCommandException>(() => Users.Indexes.DropOneAsync("email_1", Cancellation))).Code);
        Assert.Equal(72, (await Assert.ThrowsAsync<MongoCommandException>(() => Users.Indexes.DropOneAsync("_id_", Cancellation))).Code);
        await Users.Indexes.DropAllAsync(Cancellation);
        Assert.Equal(["_id_"], await IndexNamesAsync());
    }

    // jstests/core/doc_validation.js
    [Fact]
    public async Task A_validator_refuses_what_does_not_match_it_and_only_that()
    {
        await Users.InsertOneAsync(new("_id", "old"), null, Cancellation);
        await RunAsync("{ collMod: 'users', validator: { name: { $exists: true } } }");

        var insert = await Assert.ThrowsAsync<MongoWriteException>(() => Users.InsertOneAsync(new("_id", "a"), null, Cancellation));
        var modify = await Assert.ThrowsAsync<MongoCommandException>(() => UpsertAsync("{ _id: 'a' }"));
        var bulk = await Assert.ThrowsAsync<MongoBulkWriteException<BsonDocument>>(() => Users.BulkWriteAsync(
            [Upsert("a", "name"), Upsert("b", "x"), Upsert("c", "name"), Upsert("old", "x")], new() { IsOrdered = false }, Cancellation));

        Assert.Equal((121, 121), (insert.WriteError.Code, modify.Code));
        Assert.Equal("a", insert.WriteError.Details["failingDocumentId"]);
        Assert.Equal([(1, 121), (3, 121)], bulk.WriteErrors.Select(error => (error.Index, error.Code)));
        Assert.Equal(["a", "c", "old"], (await Users.Find("{ }").ToListAsync(Cancellation)).Select(document => document["_id"].AsString));

        await Users.UpdateOneAsync(ById("old"), Updates.Unset("name"), null, Cancellation); // changes nothing
        await RunAsync("{ insert: 'users', documents: [{ _id: 'd' }], bypassDocumentValidation: true }");
        await RunAsync("{ collMod: 'users', validator: { } }");
        await UpsertAsync("{ _id: 'e' }");

        static UpdateOneModel<BsonDocument> Upsert(string id, string field) => new(ById(id), Updates.Set(field, "x")) { IsUpsert = true };
    }

    // src/mongo/db/session/initialize_operation_session_info.cpp, tested by jstests/noPassthrough/retryable_writes_standalone_api.js
    [Fact]
    public async Task A_standalone_refuses_transaction_numbers()
    {
        await using var standalone = await MongoWireServer.StartAsync(new() { ReplicaSet = null });

        var e = await Assert.ThrowsAsync<MongoCommandException>(() => Connect(standalone).Database.RunCommandAsync<BsonDocument>(
            "{ insert: 'users', documents: [{ _id: 'a' }], txnNumber: NumberLong(1) }", null, Cancellation));

        Assert.Equal((20, "IllegalOperation"), (e.Code, e.CodeName));
        Assert.Equal(0, standalone.DocumentCount("users", "users"));
    }

    // As above. 301 is the code of Amazon DocumentDB, which does not support retryable writes ("Functional differences").
    [Theory]
    [InlineData(20)]
    [InlineData(301)]
    public async Task A_set_without_retryable_writes_takes_those_that_are_not(int code)
    {
        await using var server = await MongoWireServer.StartAsync(new() { RetryableWritesError = code });

        var refused = await Record.ExceptionAsync(() => Connect(server).InsertOneAsync(new("_id", "a"), null, Cancellation));
        await Connect(server, "retryWrites=false").InsertOneAsync(new("_id", "b"), null, Cancellation);

        Assert.Equal(code, ((refused as MongoCommandException) ?? (refused?.InnerException as MongoCommandException))?.Code);
        Assert.Equal(1, server.DocumentCount("users", "users"));
    }

    // The codes and names of src/mongo/base/error_codes.yml
    [Theory]
    [InlineData(13, "Unauthorized")]
    [InlineData(20, "IllegalOperation")]
    [InlineData(121, "DocumentValidationFailure")]
    [InlineData(10107, "NotWritablePrimary")]
    public async Task FailCommand_names_its_code_as_mongod_does(int code, string name)
    {
        FailCommand("alwaysOn", $"failCommands: ['ping'], errorCode: {code}");

        var reply = await Record.ExceptionAsync(() => RunAsync("{ ping: 1 }"));

        Assert.Equal((code, name), ((reply as MongoCommandException)!.Code, (reply as MongoCommandException)!.CodeName));
    }

    // jstests/core/collation.js: a command's collation overrides the collection's default, which is that of the index on _id.
    [Fact]
    public async Task Ids_compare_by_the_collations_of_the_collection_and_of_the_command()
    {
        await RunAsync("{ create: 'users', collation: { locale: 'en', strength: 2 } }");
        await Users.InsertOneAsync(new("_id", "ana"), null, Cancellation);

        Assert.Single(await Users.Find(ById("ANA")).ToListAsync(Cancellation));
        Assert.Empty(await Users.Find(ById("ANA"), new() { Collation = Collation.Simple }).ToListAsync(Cancellation));
        var e = await Assert.ThrowsAsync<MongoWriteException>(() => Users.UpdateOneAsync(
            ById("ANA"), Updates.Set("x", 1), new() { IsUpsert = true, Collation = Collation.Simple }, Cancellation));
        Assert.Equal(ServerErrorCategory.DuplicateKey, e.WriteError.Category);
    }

    // manual, "Use Indexes to Sort Query Results": by the first key, then by the next; a missing field sorts as null, which comes first.
    [Theory]
    [InlineData("{ }", "{ name: 1, _id: 1 }", "d b c a")]
    [InlineData("{ }", "{ name: -1, _id: 1 }", "a b c d")]
    [InlineData("{ $or: [{ name: { $gt: 'Ann' } }, { name: 'Ann', _id: { $gt: 'b' } }] }", "{ name: 1, _id: 1 }", "c a")]
    public async Task Documents_are_sorted_by_several_keys(string filter, string sort, string ids)
    {
        Server.Seed("users", "users", "aBob bAnn cAnn d".Split(' ').Select(item => new BsonDocument("_id", item[..1]).Add("name", item[1..], item.Length > 1)));

        var found = await Users.Find(filter).Sort(sort).ToListAsync(Cancellation);

        Assert.Equal(ids, string.Join(' ', found.Select(document => document["_id"])));
    }

    private Task<BsonDocument> RunAsync(BsonDocument command) =>
        Users.Database.RunCommandAsync<BsonDocument>(command, cancellationToken: Cancellation);

    private Task<BsonDocument> RunAsync(string command) => RunAsync(BsonDocument.Parse(command));

    private Task<BsonDocument> CreateIndexAsync(string specification) => RunAsync($"{{ createIndexes: 'users', indexes: [{specification}] }}");

    private async Task<IReadOnlyList<string>> IndexNamesAsync() =>
        [.. (await (await Users.Indexes.ListAsync(Cancellation)).ToListAsync(Cancellation)).Select(index => index["name"].AsString)];

    /// <returns>The id of the document that the upsert inserted.</returns>
    private Task SeedArraysAsync()
    {
        string[] documents = ["{ _id: 'a', tags: [1, 2, 1], n: 4 }", "{ _id: 'b', tags: 1, n: 2 }", "{ _id: 'c', tags: [3], n: 2 }", "{ _id: 'd', tags: [], n: 3 }", "{ _id: 'e' }"];
        return Users.InsertManyAsync(documents.Select(BsonDocument.Parse), null, Cancellation);
    }

    private async Task<BsonValue> UpsertAsync(string query, string update = "{ $set: { x: 1 } }") =>
        (await RunAsync($"{{ findAndModify: 'users', query: {query}, update: {update}, upsert: true }}"))["lastErrorObject"].AsBsonDocument.GetValue("upserted", BsonNull.Value);
}
