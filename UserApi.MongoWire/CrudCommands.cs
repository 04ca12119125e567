using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Commands that read and write documents.</summary>
internal sealed class CrudCommands(Storage storage, FailPoints failPoints)
{
    private const int DefaultBatchSize = 101;

    private static readonly string[] s_findAndModifyFields =
        ["query", "sort", "update", "remove", "new", "upsert", "fields", "collation", "bypassDocumentValidation"];

    public IEnumerable<Command> All =>
    [
        new("find", CommandKind.Read, Find, "filter", "sort", "projection", "limit", "batchSize", "singleBatch", "collation", "hint"),
        new("aggregate", CommandKind.Read, Count, "pipeline", "cursor", "hint"),
        new("getMore", CommandKind.Admin, GetMore, "collection", "batchSize"),
        new("killCursors", CommandKind.Admin, KillCursors, "cursors"),
        new("insert", CommandKind.Write, Insert, "documents", "ordered", "bypassDocumentValidation"),
        new("update", CommandKind.Write, Update, "updates", "ordered", "bypassDocumentValidation"),
        new("delete", CommandKind.Write, Delete, "deletes", "ordered"),
        new("findAndModify", CommandKind.Write, FindAndModify, [.. s_findAndModifyFields]),
        new("findandmodify", CommandKind.Write, FindAndModify, [.. s_findAndModifyFields]),
    ];

    private static bool Flag(BsonDocument document, string name, bool otherwise = false) => document.GetValue(name, otherwise).ToBoolean();

    private static BsonDocument? Document(BsonDocument document, string name) => document.GetValue(name, BsonNull.Value) as BsonDocument;

    private static Filter ParseQuery(Collection collection, BsonDocument command, string name) =>
        collection.Parse(Document(command, name) ?? [], Document(command, "collation"));

    private static bool Validates(BsonDocument command) => !Flag(command, "bypassDocumentValidation");

    /// <summary>Sorts documents; reads all of them before it returns the first.</summary>
    private static IEnumerable<BsonDocument> Sort(IEnumerable<BsonDocument> documents, BsonDocument? sort, BsonOrder order)
    {
        if (sort is null or { ElementCount: 0 })
        {
            return documents;
        }

        if (sort.FirstOrDefault(key => !key.Value.IsNumeric || Math.Abs(key.Value.ToDouble()) != 1) is { Name: not null } unknown)
        {
            throw new CommandFailure(ErrorCode.BadValue, $"The sort by {unknown} is not supported.");
        }

        return documents.Order(Comparer<BsonDocument>.Create((x, y) => sort
            .Select(key => key.Value.ToInt32() * order.Compare(ValueIn(x, key.Name), ValueIn(y, key.Name)))
            .FirstOrDefault(result => result != 0)));

        // A missing field sorts like null.
        static BsonValue ValueIn(BsonDocument document, string path) => Filter.ValueAt(document, path) switch
        {
            BsonArray => throw new CommandFailure(ErrorCode.BadValue, $"The sort by arrays ({path}) is not supported."),
            var value => value ?? BsonNull.Value,
        };
    }

    private static void RequireFields(BsonDocument statement, params ReadOnlySpan<string> fields)
    {
        foreach (var name in statement.Names)
        {
            if (!fields.Contains(name))
            {
                throw new CommandFailure(ErrorCode.IDLUnknownField, $"BSON field '{name}' is an unknown field.");
            }
        }
    }

    /// <summary>Runs every statement of a batch; an ordered batch stops at the first failure.</summary>
    private static BsonDocument RunBatch(BsonDocument command, string statements, Func<BsonDocument, int, int> run)
    {
        var (n, index) = (0, 0);
        var errors = new BsonArray();
        foreach (var statement in command[statements].AsBsonArray)
        {
            try
            {
                n += run(statement.AsBsonDocument, index);
            }
            catch (CommandFailure e)
            {
                errors.Add(e.ToWriteError(index));
                if (Flag(command, "ordered", otherwise: true))
                {
                    break;
                }
            }

            index++;
        }

        return new() { { "n", n }, { "writeErrors", errors, errors.Count > 0 }, { "ok", 1.0 } };
    }

    private Collection Target(BsonDocument command) => storage[command["$db"].AsString, command[0].AsString];

    private BsonDocument Find(BsonDocument command)
    {
        var collection = Target(command);
        var limit = command.GetValue("limit", 0).ToInt32();
        var batchSize = command.GetValue("batchSize", DefaultBatchSize).ToInt32();
        var filter = ParseQuery(collection, command, "filter");

        // One more for the key that a page starts after, and one more to detect the end.
        var (sort, chunk, isSorted) = (Document(command, "sort"), (limit > 0 ? limit : batchSize) + 2, false);
        IEnumerable<BsonDocument> documents = command.TryGetValue("hint", out var hint)
            ? collection.FindBy(hint, filter, sort, chunk, out isSorted)
            : collection.Find(filter, chunk);
        isSorted |= hint is null && sort?.Equals(new BsonDocument("_id", 1)) == true;
        documents = isSorted ? documents : Sort(documents, sort, filter.Order);
        if (limit > 0)
        {
            documents = documents.Take(limit);
        }

        if (Projection.Parse(Document(command, "projection")) is { } project)
        {
            documents = documents.Select(project);
        }

        return storage.Open(collection.Namespace, documents, batchSize, Flag(command, "singleBatch"));
    }

    /// <summary>The only pipeline that is known: that of a driver's countDocuments (specifications/source/crud/crud.md, "countDocuments").</summary>
    private BsonDocument Count(BsonDocument command)
    {
        var collection = Target(command);
        var stages = command["pipeline"].AsBsonArray.Select(stage => stage.AsBsonDocument.GetElement(0)).ToList();
        if (stages is not ([{ Name: "$match" }, { Name: "$group" }] or [{ Name: "$match" }, { Name: "$limit" }, { Name: "$group" }])
            || stages[^1].Value != new BsonDocument { { "_id", 1 }, { "n", new BsonDocument("$sum", 1) } })
        {
            throw new CommandFailure(ErrorCode.BadValue, $"The pipeline {command["pipeline"]} is not supported.");
        }

        var filter = collection.Parse(stages[0].Value.AsBsonDocument);
        var documents = command.TryGetValue("hint", out var hint) ? collection.FindBy(hint, filter, null, int.MaxValue, out _) : collection.Find(filter, int.MaxValue);
        var count = (stages is [_, { Value: var limit }, _] ? documents.Take(limit.ToInt32()) : documents).Count();

        return storage.Open(collection.Namespace, count == 0 ? [] : [new() { { "_id", 1 }, { "n", count } }], int.MaxValue, isSingleBatch: true);
    }

    private BsonDocument GetMore(BsonDocument command)
    {
        return command.Contains("maxTimeMS")
            ? throw new CommandFailure(ErrorCode.BadValue, "cannot set maxTimeMS on getMore command for a non-awaitData cursor")
            : storage.GetMore(command[0].ToInt64(), command.GetValue("batchSize", int.MaxValue).ToInt32());
    }

    private BsonDocument KillCursors(BsonDocument command)
    {
        var killed = command["cursors"].AsBsonArray.ToLookup(id => storage.Kill(id.ToInt64()));

        return new()
        {
            { "cursorsKilled", new BsonArray(killed[true]) },
            { "cursorsNotFound", new BsonArray(killed[false]) },
            { "cursorsAlive", new BsonArray() },
            { "cursorsUnknown", new BsonArray() },
            { "ok", 1.0 },
        };
    }

    private BsonDocument Insert(BsonDocument command)
    {
        var collection = Target(command);

        return RunBatch(command, "documents", (document, _) =>
        {
            if (!document.Contains("_id"))
            {
                document.InsertAt(0, new("_id", ObjectId.GenerateNewId()));
            }

            collection.Insert(document, Validates(command));

            return 1;
        });
    }

    private BsonDocument Update(BsonDocument command)
    {
        var collection = Target(command);
        var modified = 0;
        var upserted = new BsonArray();
        var reply = RunBatch(command, "updates", (statement, index) =>
        {
            RequireFields(statement, "q", "u", "multi", "upsert", "collation");
            if (Flag(statement, "multi"))
            {
                throw new CommandFailure(ErrorCode.BadValue, "multi updates are not supported.");
            }

            var result = Modify(collection, ParseQuery(collection, statement, "q"), statement["u"], Flag(statement, "upsert"), Validates(command));
            if (result is { Before: null, After: { } inserted })
            {
                upserted.Add(new BsonDocument { { "index", index }, { "_id", inserted["_id"] } });
            }

            modified += result is { Before: not null, IsChanged: true } ? 1 : 0;

            return result is { Before: null, After: null } ? 0 : 1;
        });

        return reply.Add("nModified", modified).Add("upserted", upserted, upserted.Count > 0);
    }

    private BsonDocument Delete(BsonDocument command)
    {
        var collection = Target(command);

        return RunBatch(command, "deletes", (statement, _) =>
        {
            RequireFields(statement, "q", "limit", "collation");
            var filter = ParseQuery(collection, statement, "q");
            var n = 0;
            while (collection.Modify(filter, _ => null).Before is not null)
            {
                n++;
                if (statement["limit"] == 1)
                {
                    break;
                }
            }

            return n;
        });
    }

    private BsonDocument FindAndModify(BsonDocument command)
    {
        if (Document(command, "sort") is { ElementCount: > 0 } sort)
        {
            throw new CommandFailure(ErrorCode.BadValue, $"The sort {sort} is not supported.");
        }

        var collection = Target(command);
        var query = ParseQuery(collection, command, "query");
        var project = Projection.Parse(Document(command, "fields"));
        BsonDocument? value;
        BsonDocument lastError;
        if (Flag(command, "remove"))
        {
            value = collection.Modify(query, _ => null).Before;
            lastError = new("n", value is null ? 0 : 1);
        }
        else
        {
            var result = Modify(collection, query, command["update"], Flag(command, "upsert"), Validates(command));
            value = Flag(command, "new") ? result.After : result.Before;
            lastError = new() { { "n", result.After is null ? 0 : 1 }, { "updatedExisting", result.Before is not null } };
            if (result is { Before: null, After: { } inserted })
            {
                lastError.Add("upserted", inserted["_id"]);
            }
        }

        return new()
        {
            { "lastErrorObject", lastError },
            { "value", value is null ? BsonNull.Value : project is null ? value : project(value) },
            { "ok", 1.0 },
        };
    }

    private Modification Modify(Collection collection, Filter filter, BsonValue specification, bool isUpsert, bool validate)
    {
        var update = MongoWire.Update.Parse(specification);

        return collection.Modify(filter, Change, validate);

        BsonDocument? Change(BsonDocument? current)
        {
            if (current is not null)
            {
                return update.Apply(current, isInsert: false);
            }

            if (!isUpsert)
            {
                return null;
            }

            var inserted = update.Apply(filter.ToNewDocument(), isInsert: true);
            if (failPoints.Enter(FailPoints.RacingUpsert) is { } race)
            {
                collection.Insert(race.GetValue("document", inserted).AsBsonDocument);
            }

            return inserted;
        }
    }
}
