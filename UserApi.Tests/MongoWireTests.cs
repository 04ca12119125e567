using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Servers;
using UserApi.MongoWire;

namespace UserApi.Tests;

/// <summary>The double as the official driver sees it: the behaviour that the store's tests and the benchmarks rely on.</summary>
public sealed class MongoWireTests : MongoWireTest
{
    [Fact]
    public async Task The_driver_sees_a_primary_of_a_replica_set()
    {
        var users = Users;

        await users.Database.RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), cancellationToken: Cancellation);

        var server = users.Database.Client.Cluster.Description.Servers.Single();
        Assert.Equal(ServerType.ReplicaSetPrimary, server.Type);
        Assert.Equal("rs0", server.ReplicaSetConfig.Name);
        Assert.NotNull(server.TopologyVersion);
    }

    [Fact]
    public async Task A_standalone_takes_writes_that_are_not_retryable()
    {
        await using var standalone = await MongoWireServer.StartAsync(new() { ReplicaSet = null, RecordedCommands = 10 });
        var users = Connect(standalone);

        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);

        Assert.Equal(ServerType.Standalone, users.Database.Client.Cluster.Description.Servers.Single().Type);
        Assert.DoesNotContain("txnNumber", standalone.RecentCommands.Single(command => command.Contains("insert")).Names);
    }

    [Fact]
    public async Task Streaming_monitors_are_answered_while_nothing_changes()
    {
        var users = Connect("heartbeatFrequencyMS=500");
        await users.Database.RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), cancellationToken: Cancellation);
        var before = Hellos();

        await Eventually(() => Hellos() >= before + 3);

        Assert.Contains(Server.RecentCommands, command => command.Contains("maxAwaitTimeMS"));
        Assert.InRange(Server.OpenConnections, 2, 3); // the monitor, its round-trip timer, and one of the pool
    }

    [Fact]
    public async Task Documents_are_inserted_found_replaced_updated_and_deleted()
    {
        var users = Users;

        await users.InsertOneAsync(new() { { "_id", "a" }, { "attributes", new BsonDocument("a.b", "x") } }, null, Cancellation);
        await users.InsertManyAsync([new("_id", "b"), new("_id", "c")], cancellationToken: Cancellation);
        var replacement = new BsonDocument { { "name", "Ann" }, { "attributes", new BsonDocument("a.b", "y") } };
        var replaced = await users.ReplaceOneAsync(ById("a"), replacement, cancellationToken: Cancellation);
        var updated = await UpdateAsync(Updates.Set("name", "Bob").Set("version", 1).Set("address.city", "Oslo"));
        var trimmed = await UpdateAsync(Updates.Set("name", "Bob").Unset("address"));
        var unchanged = await UpdateAsync(Updates.Set("name", "Bob"));
        var deleted = await users.DeleteOneAsync(ById("c"), Cancellation);
        var missing = await users.DeleteOneAsync(ById("c"), Cancellation);

        Assert.Equal((1, 1), (replaced.MatchedCount, replaced.ModifiedCount));
        Assert.Equal((1, 1), (updated.MatchedCount, updated.ModifiedCount));
        Assert.Equal(1, trimmed.ModifiedCount);
        Assert.Equal((1, 0), (unchanged.MatchedCount, unchanged.ModifiedCount));
        Assert.Equal((1, 0), (deleted.DeletedCount, missing.DeletedCount));
        Assert.Equal(
            [
                new() { { "_id", "a" }, { "name", "Ann" }, { "attributes", new BsonDocument("a.b", "y") } },
                new() { { "_id", "b" }, { "name", "Bob" }, { "version", 1 } },
            ],
            await users.Find("{ }").ToListAsync(Cancellation));

        Task<UpdateResult> UpdateAsync(UpdateDefinition<BsonDocument> update)
        {
            return users.UpdateOneAsync(ById("b"), update, null, Cancellation);
        }
    }

    [Theory]
    [InlineData("{ _id: 'b' }", "b")]
    [InlineData("{ _id: { $in: ['c', 'a', 'x'] } }", "a c")]
    [InlineData("{ _id: { $gt: 'a', $lte: 'c' } }", "b c")]
    [InlineData("{ _id: { $gte: 'b' }, version: 2 }", "b")]
    [InlineData("{ _id: 'a', version: 2 }", "")]
    [InlineData("{ version: NumberLong(2) }", "b")]
    [InlineData("{ version: { $in: [1, 3] } }", "a c")]
    [InlineData("{ version: { $nin: [1, 3] } }", "b d")]
    [InlineData("{ version: { $ne: 2 } }", "a c d")]
    [InlineData("{ version: null }", "d")]
    [InlineData("{ version: { $exists: false } }", "d")]
    [InlineData("{ version: { $lt: 'z' } }", "")]
    [InlineData("{ 'tags.x': 'y' }", "c")]
    [InlineData("{ $or: [{ _id: 'a' }, { version: 3 }] }", "a c")]
    [InlineData("{ $or: [{ version: { $gt: 1 } }, { version: 1, _id: { $gt: 'a' } }] }", "b c")]
    [InlineData("{ _id: 'a', version: { $in: [] } }", "")]
    public async Task A_filter_finds_what_the_realServer_would(string filter, string ids)
    {
        Server.Seed("users", "users",
        [
            new() { { "_id", "b" }, { "version", 2 } },
            new() { { "_id", "d" } },
            new() { { "_id", "c" }, { "version", 3.0 }, { "tags", new BsonDocument("x", "y") } },
            new() { { "_id", "a" }, { "version", 1L } },
        ]);

        var found = await Users.Find(BsonDocument.Parse(filter)).Sort("{ _id: 1 }").ToListAsync(Cancellation);

        Assert.Equal(ids, string.Join(' ', found.Select(document => document["_id"].AsString)));
    }

    [Fact]
    public async Task What_is_not_supported_is_refused()
    {
        Server.Seed("users", "users", [new() { { "_id", "a" }, { "name", "Ann" } }]);
        var users = Users;

        await AssertFailsAsync(2, () => users.Find("{ name: { $near: 1 } }").ToListAsync(Cancellation));
        await AssertFailsAsync(2, () => users.Find("{ name: /A/ }").ToListAsync(Cancellation));
        await AssertFailsAsync(2, () => users.Find("{ }").Sort("{ name: 'text' }").ToListAsync(Cancellation));
        await AssertFailsAsync(2, () => users.Find("{ }", new() { Collation = new("en") }).ToListAsync(Cancellation));
        await AssertFailsAsync(9, () => UpdateAsync("{ $push: { name: 1 } }"));
        await AssertFailsAsync(28, () => UpdateAsync("{ $set: { 'name.first': 1 } }"));
        await AssertFailsAsync(40, () => UpdateAsync("{ $set: { a: 1 }, $unset: { 'a.b': 1 } }"));
        await AssertFailsAsync(66, () => UpdateAsync("{ $set: { _id: 'b' } }"));
        await AssertFailsAsync(2, () => users.Aggregate().Match(ById("a")).SortByCount<BsonValue>("$name").ToListAsync(Cancellation));
        await AssertFailsAsync(59, () => users.DistinctAsync<string>("name", "{ }", null, Cancellation));

        Task UpdateAsync(string update) => users.FindOneAndUpdateAsync<BsonDocument>(ById("a"), update, null, Cancellation);

        static async Task AssertFailsAsync(int code, Func<Task> action)
        {
            Assert.Equal(code, (await Assert.ThrowsAsync<MongoCommandException>(action)).Code);
        }
    }

    [Fact]
    public async Task FindOneAndUpdate_upserts_and_gives_the_document_before_or_after()
    {
        var users = Users;
        var update = Updates.Set("name", "Ann").SetOnInsert("createdAt", 1).Set("version", 1);
        var before = new FindOneAndUpdateOptions<BsonDocument>
        {
            IsUpsert = true,
            ReturnDocument = ReturnDocument.Before,
            Projection = "{ version: 1, _id: 0 }",
        };

        Assert.Null(await users.FindOneAndUpdateAsync(ById("a"), update, before, Cancellation));
        Assert.Equal(new("version", 1), await users.FindOneAndUpdateAsync(ById("a"), update, before, Cancellation));
        Assert.Equal(
            new() { { "_id", "a" }, { "name", "Ann" }, { "version", 1 }, { "createdAt", 1 } },
            await users.FindOneAndUpdateAsync(ById("a"), update, new() { ReturnDocument = ReturnDocument.After }, Cancellation));
        Assert.Null(await users.FindOneAndUpdateAsync(ById("b"), update, new() { ReturnDocument = ReturnDocument.After }, Cancellation));
    }

    [Fact]
    public async Task FindAndModify_says_what_it_did()
    {
        var database = Users.Database;

        await AssertAsync("{ n: 1, updatedExisting: false, upserted: 'a' }", "update: { $set: { x: 1 } }, upsert: true");
        await AssertAsync("{ n: 1, updatedExisting: true }", "update: { x: 2 }");
        await AssertAsync("{ n: 1 }", "remove: true");
        await AssertAsync("{ n: 0 }", "remove: true");
        await AssertAsync("{ n: 0, updatedExisting: false }", "update: { x: 2 }");

        async Task AssertAsync(string lastError, string arguments)
        {
            var command = $"{{ findAndModify: 'users', query: {{ _id: 'a' }}, {arguments} }}";
            var reply = await database.RunCommandAsync<BsonDocument>(command, cancellationToken: Cancellation);
            Assert.Equal(BsonDocument.Parse(lastError), reply["lastErrorObject"]);
        }
    }

    [Fact]
    public async Task A_taken_id_is_a_duplicate_key_with_its_details()
    {
        var users = Users;
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);

        var e = await Assert.ThrowsAsync<MongoWriteException>(() => users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation));

        Assert.Equal(ServerErrorCategory.DuplicateKey, e.WriteError.Category);
        Assert.Equal("""E11000 duplicate key error collection: users.users index: _id_ dup key: { _id: "a" }""", e.WriteError.Message);
    }

    [Fact]
    public async Task UpdateOne_upserts_once()
    {
        var users = Users;
        var upsert = new UpdateOptions { IsUpsert = true };

        var first = await users.UpdateOneAsync(ById("a"), Updates.Set("x", 1), upsert, Cancellation);
        var second = await users.UpdateOneAsync(ById("a"), Updates.Set("x", 2), upsert, Cancellation);

        Assert.Equal("a", first.UpsertedId.AsString);
        Assert.Null(second.UpsertedId);
        Assert.Equal(1, Server.DocumentCount("users", "users"));
    }

    [Fact]
    public async Task Hundred_parallel_upserts_of_one_id_make_one_document()
    {
        var users = Users;
        var upsert = new UpdateOptions { IsUpsert = true };

        var results = await Task.WhenAll(
            Enumerable.Range(0, 100).Select(_ => users.UpdateOneAsync(ById("a"), Updates.Set("version", 1), upsert, Cancellation)));

        Assert.Single(results, result => result.UpsertedId is not null);
        Assert.Equal(1, Server.DocumentCount("users", "users"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_racing_upsert_ends_in_a_duplicate_key_once(bool findAndModify)
    {
        var users = Users;
        Server.ConfigureFailPoint("racingUpsert", Times(1), BsonDocument.Parse("{ document: { _id: 'a', by: 'rival' } }"));

        if (findAndModify)
        {
            var e = await Assert.ThrowsAsync<MongoCommandException>(Upsert);
            Assert.Equal("DuplicateKey", e.CodeName);
        }
        else
        {
            var e = await Assert.ThrowsAsync<MongoWriteException>(Upsert);
            Assert.Equal(ServerErrorCategory.DuplicateKey, e.WriteError.Category);
        }

        await Upsert();
        Assert.Equal(
            new() { { "_id", "a" }, { "by", "rival" }, { "x", 1 } },
            await users.Find(ById("a")).SingleAsync(Cancellation));

        Task Upsert() => findAndModify
            ? users.FindOneAndUpdateAsync(ById("a"), Updates.Set("x", 1), new() { IsUpsert = true }, Cancellation)
            : users.UpdateOneAsync(ById("a"), Updates.Set("x", 1), new() { IsUpsert = true }, Cancellation);
    }

    [Fact]
    public async Task An_upsert_that_misses_a_taken_id_is_a_duplicate_key()
    {
        Server.Seed("users", "users", [new() { { "_id", "a" }, { "version", 2 } }]);

        var e = await Assert.ThrowsAsync<MongoCommandException>(() => Users.FindOneAndUpdateAsync<BsonDocument>(
            "{ _id: 'a', version: 1 }", Updates.Set("x", 1), new() { IsUpsert = true }, Cancellation));

        Assert.Equal(11000, e.Code);
    }

    [Fact]
    public async Task Pages_by_id_give_every_document_once()
    {
        Server.Seed("users", "users", Enumerable.Range(0, 1000).Reverse().Select(i => new BsonDocument("_id", $"user-{i:0000}")));
        var users = Users;

        var seen = new List<string>();
        for (var page = await PageAsync(""); page.Count > 0; page = await PageAsync(seen[^1]))
        {
            seen.AddRange(page.Select(document => document["_id"].AsString));
        }

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"user-{i:0000}"), seen);
        Assert.Equal(0, Server.CommandCount("getMore"));

        Task<List<BsonDocument>> PageAsync(string after) =>
            users.Find(Builders<BsonDocument>.Filter.Gt("_id", after)).Sort("{ _id: 1 }").Limit(70).ToListAsync(Cancellation);
    }

    [Fact]
    public async Task A_cursor_goes_on_by_key_while_documents_come_and_go()
    {
        Server.Seed("users", "users", Enumerable.Range(0, 30).Select(i => new BsonDocument("_id", i * 10)));
        var users = Users;

        using var cursor = await users.FindAsync("{ }", new() { BatchSize = 10 }, Cancellation);
        await cursor.MoveNextAsync(Cancellation);
        var seen = cursor.Current.ToList();
        await users.DeleteManyAsync("{ _id: { $lt: 105 } }", Cancellation);
        await users.InsertOneAsync(new("_id", 15), cancellationToken: Cancellation);
        await users.InsertOneAsync(new("_id", 295), cancellationToken: Cancellation);
        while (await cursor.MoveNextAsync(Cancellation))
        {
            seen.AddRange(cursor.Current);
        }

        var ids = seen.Select(document => document["_id"].AsInt32).ToArray();
        Assert.Equal(ids.Distinct().Order(), ids);
        Assert.Subset(ids.ToHashSet(), Enumerable.Range(0, 30).Select(i => i * 10).Append(295).ToHashSet());
        Assert.DoesNotContain(15, ids);
    }

    [Fact]
    public async Task An_abandoned_cursor_is_killed_and_a_restart_ends_the_others()
    {
        Server.Seed("users", "users", Enumerable.Range(0, 30).Select(i => new BsonDocument("_id", i)));
        var users = Users;

        using (var abandoned = await users.FindAsync("{ }", new() { BatchSize = 10 }, Cancellation))
        {
            await abandoned.MoveNextAsync(Cancellation);
        }

        using var cursor = await users.FindAsync("{ }", new() { BatchSize = 10 }, Cancellation);
        await cursor.MoveNextAsync(Cancellation);
        Server.Restart();
        await Eventually(() => Record.Exception(() => users.Find("{ }").First(Cancellation)) is null);

        await Assert.ThrowsAsync<MongoCursorNotFoundException>(() => cursor.MoveNextAsync(Cancellation));
        Assert.Equal(1, Server.CommandCount("killCursors"));
    }

    [Fact]
    public async Task Ids_are_ordered_by_their_utf8_bytes()
    {
        string[] ids = ["a", "Z", "é", "z", "e\u0301", "\uFFFD", "\U0001F600", "ß", "0", "aa", "\uE000"];
        Server.Seed("users", "users", ids.Select(id => new BsonDocument("_id", id)));

        var found = await Users.Find("{ }").Sort("{ _id: 1 }").ToListAsync(Cancellation);

        Assert.Equal(
            ids.OrderBy(id => Convert.ToHexString(Encoding.UTF8.GetBytes(id)), StringComparer.Ordinal),
            found.Select(document => document["_id"].AsString));
    }

    [Fact]
    public async Task A_write_whose_answer_is_lost_is_retried_and_applied_once()
    {
        var users = Users;
        Server.ConfigureFailPoint("onPrimaryTransactionalWrite", Times(1));

        var result = await users.UpdateOneAsync(ById("a"), Updates.Set("version", 1), new() { IsUpsert = true }, Cancellation);

        Assert.Equal("a", result.UpsertedId);
        Assert.Equal(2, Server.CommandCount("update"));
        Assert.Equal(1, Server.ReplayedWrites);
    }

    [Fact]
    public async Task Without_retries_a_write_whose_answer_is_cut_fails_and_is_applied()
    {
        var users = Connect("retryWrites=false");
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);
        Server.CutNextReply(20);

        var e = await Assert.ThrowsAsync<MongoConnectionException>(() => users.InsertOneAsync(new("_id", "b"), null, Cancellation));

        Assert.True(e.IsNetworkException);
        Assert.Equal(2, Server.DocumentCount("users", "users"));
    }

    [Fact]
    public async Task FailCommand_fails_as_often_as_it_was_asked_to()
    {
        var users = Users;
        await users.Database.Client.GetDatabase("admin").RunCommandAsync<BsonDocument>(
            "{ configureFailPoint: 'failCommand', mode: { times: 2 }, data: { failCommands: ['find'], errorCode: 2 } }",
            cancellationToken: Cancellation);

        for (var i = 0; i < 2; i++)
        {
            var e = await Assert.ThrowsAsync<MongoCommandException>(() => users.Find("{ }").ToListAsync(Cancellation));
            Assert.Equal((2, "BadValue"), (e.Code, e.CodeName));
        }

        Assert.Empty(await users.Find("{ }").ToListAsync(Cancellation));
    }

    [Fact]
    public async Task FailCommand_closes_the_connection_and_the_driver_retries()
    {
        var users = Users;
        FailCommand(Times(1), "failCommands: ['find', 'insert'], closeConnection: true");
        Assert.Empty(await users.Find("{ }").ToListAsync(Cancellation));
        Assert.Equal(2, Server.CommandCount("find"));

        FailCommand("alwaysOn", "failCommands: ['find'], closeConnection: true");
        await Assert.ThrowsAsync<MongoConnectionException>(() => users.Find("{ }").ToListAsync(Cancellation));
    }

    [Fact]
    public async Task FailCommand_blocks_before_it_goes_on()
    {
        var users = Users;
        await users.Find("{ }").ToListAsync(Cancellation);
        FailCommand("alwaysOn", "failCommands: ['find'], blockConnection: true, blockTimeMS: 100");
        var watch = Stopwatch.StartNew();

        Assert.Empty(await users.Find("{ }").ToListAsync(Cancellation));

        Assert.InRange(watch.ElapsedMilliseconds, 95, 5000);
    }

    [Fact]
    public async Task FailCommand_is_for_one_application_only_when_it_says_so()
    {
        FailCommand("alwaysOn", "failCommands: ['find'], errorCode: 2, appName: 'victim'");

        Assert.Empty(await Connect("appName=other").Find("{ }").ToListAsync(Cancellation));
        await Assert.ThrowsAsync<MongoCommandException>(() => Connect("appName=victim").Find("{ }").ToListAsync(Cancellation));
    }

    [Theory]
    [InlineData("errorCode: 189", 2)]
    [InlineData("errorCode: 91", 2)]
    [InlineData("errorCode: 10107", 2)]
    [InlineData("errorCode: 8", 1)]
    public async Task A_failed_write_is_retried_exactly_when_its_labels_allow(string failure, int attempts)
    {
        var users = Users;
        FailCommand(Times(1), $"failCommands: ['insert'], {failure}");

        var e = await Record.ExceptionAsync(() => users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation));

        Assert.Equal(attempts, Server.CommandCount("insert"));
        Assert.Equal(attempts == 2, e is null);
        Assert.Equal(attempts - 1, Server.DocumentCount("users", "users"));
    }

    [Fact]
    public async Task A_write_concern_error_says_so_and_the_write_is_applied()
    {
        var users = Users.WithWriteConcern(WriteConcern.WMajority.With(journal: true));
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);
        FailCommand(Times(2), """
            failCommands: ['insert', 'findAndModify'],
            writeConcernError: { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting for replication timed out' }
            """);

        var modify = await Assert.ThrowsAsync<MongoWriteConcernException>(
            () => users.FindOneAndUpdateAsync<BsonDocument>(ById("a"), Updates.Set("x", 1), null, Cancellation));
        var insert = await Assert.ThrowsAsync<MongoWriteException>(() => users.InsertOneAsync(new("_id", "b"), null, Cancellation));

        Assert.Equal(64, modify.WriteConcernResult.Response["writeConcernError"]["code"].AsInt32);
        Assert.Equal(64, insert.WriteConcernError.Code);
        Assert.Equal(2, Server.DocumentCount("users", "users"));
        Assert.Equal(
            new BsonDocument { { "w", "majority" }, { "j", true } },
            Server.RecentCommands.Last(command => command.Contains("insert"))["writeConcern"]);
    }

    [Fact]
    public async Task Unacknowledged_writes_are_applied_without_an_answer()
    {
        var users = Users.WithWriteConcern(WriteConcern.Unacknowledged);

        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);

        await Eventually(() => Server.DocumentCount("users", "users") == 1);
    }

    [Fact]
    public async Task A_stoppedServer_is_unreachable_and_comes_back_with_its_data()
    {
        var users = Connect("serverSelectionTimeoutMS=300");
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);

        Server.Stop();
        await Eventually(() => Server.OpenConnections == 0);
        await Assert.ThrowsAnyAsync<Exception>(() => users.Find("{ }").ToListAsync(Cancellation));
        Server.Restart();

        await Eventually(() => Record.Exception(() => users.Find("{ }").ToList(Cancellation)) is null);
        Assert.Equal("a", (await users.Find("{ }").SingleAsync(Cancellation))["_id"].AsString);
    }

    [Fact]
    public async Task A_black_hole_lasts_as_long_as_the_caller_waits_and_answers_when_it_ends()
    {
        var users = Users;
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);
        Server.Pause();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        timeout.CancelAfter(100);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => users.Find("{ }").ToListAsync(timeout.Token));
        var waiting = users.Find("{ }").ToListAsync(Cancellation);
        await Task.Delay(50, Cancellation);
        Assert.False(waiting.IsCompleted);
        Server.Resume();

        Assert.Single(await waiting.WaitAsync(TimeSpan.FromSeconds(5), Cancellation));
    }

    [Fact]
    public async Task A_stepped_down_primary_is_noticed_at_once_and_so_is_its_return()
    {
        var users = Users;
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);
        var watch = Stopwatch.StartNew();

        Server.StepDown(TimeSpan.FromMilliseconds(300));
        await users.InsertOneAsync(new("_id", "b"), cancellationToken: Cancellation);

        Assert.InRange(watch.ElapsedMilliseconds, 250, 3000);
        Assert.Equal(2, Server.DocumentCount("users", "users"));
    }

    [Fact]
    public async Task Latency_holds_back_replies_but_not_heartbeats()
    {
        var users = Users;
        await users.Find("{ }").ToListAsync(Cancellation);
        Server.Latency = TimeSpan.FromMilliseconds(100);
        var watch = Stopwatch.StartNew();

        await users.Find("{ }").ToListAsync(Cancellation);

        Assert.InRange(watch.ElapsedMilliseconds, 95, 5000);
        Server.Latency = TimeSpan.FromMinutes(1);
        await users.Database.RunCommandAsync<BsonDocument>("{ hello: 1 }", cancellationToken: Cancellation)
            .WaitAsync(TimeSpan.FromSeconds(10), Cancellation);
        Server.Latency = TimeSpan.Zero; // the driver ends its sessions without delay
    }

    [Fact]
    public async Task Databases_are_dropped()
    {
        var users = Users;
        await users.InsertOneAsync(new("_id", "a"), cancellationToken: Cancellation);

        await users.Database.Client.DropDatabaseAsync("users", Cancellation);

        Assert.Empty(await users.Find("{ }").ToListAsync(Cancellation));
    }

    [Theory]
    [InlineData("00000010")]
    [InlineData("7FFFFFFF")]
    [InlineData("10000000 00000000 00000000 00000000")]
    [InlineData("1A000000 01000000 00000000 DD070000 00000000 00 FFFFFF7F 00")]
    [InlineData("15000000 01000000 00000000 DD070000 00000000 09")]
    [InlineData("1E000000 01000000 00000000 DD070000 00000000 00 09000000 02FF0000 00")]
    [InlineData("1B000000 01000000 00000000 D4070000 00000000 FFFE00 00000000")]
    public async Task Bytes_that_are_no_message_end_only_their_own_connection(string bytes)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync("127.0.0.1", Server.Port, Cancellation);
        await socket.SendAsync(Convert.FromHexString(bytes.Replace(" ", "")), Cancellation);
        socket.Shutdown(SocketShutdown.Send);

        Assert.Equal(0, await ReadAsync());
        Assert.Empty(await Users.Find("{ }").ToListAsync(Cancellation));

        async Task<int> ReadAsync()
        {
            try
            {
                return await socket.ReceiveAsync(new byte[1], Cancellation);
            }
            catch (SocketException)
            {
                return 0; // the connection was reset
            }
        }
    }

    [Fact]
    public async Task Closed_clients_leave_no_connection_behind()
    {
        await Users.Find("{ }").ToListAsync(Cancellation);
        Assert.InRange(Server.OpenConnections, 2, 3);

        CloseClients();

        await Eventually(() => Server.OpenConnections == 0);
    }

    private long Hellos() => Server.CommandCount("hello") + Server.CommandCount("isMaster");
}
