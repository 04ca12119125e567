using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Commands on collections and their indexes.</summary>
internal sealed class CatalogCommands(Storage storage)
{
    public IEnumerable<Command> All =>
    [
        new("create", CommandKind.Write, Create, "validator", "collation"),
        new("collMod", CommandKind.Write, Modify, "validator"),
        new("drop", CommandKind.Write, Drop),
        new("createIndexes", CommandKind.Write, CreateIndexes, "indexes", "commitQuorum"),
        new("listIndexes", CommandKind.Read, ListIndexes, "cursor"),
        new("dropIndexes", CommandKind.Write, DropIndexes, "index"),
    ];

    private static BsonDocument Ok => new("ok", 1.0);

    private BsonDocument Create(BsonDocument command)
    {
        var collection = storage.Create(command["$db"].AsString, command[0].AsString, command.GetValue("collation", null)?.AsBsonDocument);
        collection.SetValidator(command.GetValue("validator", null)?.AsBsonDocument);

        return Ok;
    }

    private BsonDocument Modify(BsonDocument command)
    {
        Existing(command).SetValidator(command.GetValue("validator", null)?.AsBsonDocument);

        return Ok;
    }

    private BsonDocument Drop(BsonDocument command)
    {
        storage.Drop(command["$db"].AsString, command[0].AsString);

        return Ok;
    }

    // mongod's jstests/core/index/create_indexes.js specifies the reply.
    private BsonDocument CreateIndexes(BsonDocument command)
    {
        var collection = Target(command);
        var (isNew, before) = (!collection.Exists, collection.ListIndexes().Count);
        collection.CreateIndexes(command["indexes"].AsBsonArray.Select(specification => specification.AsBsonDocument));
        var after = collection.ListIndexes().Count;

        return new BsonDocument { { "numIndexesBefore", before }, { "numIndexesAfter", after }, { "createdCollectionAutomatically", isNew } }
            .Add("note", "all indexes already exist", before == after)
            .AddRange(Ok);
    }

    private BsonDocument ListIndexes(BsonDocument command)
    {
        var collection = Existing(command);

        return storage.Open(collection.Namespace, collection.ListIndexes(), int.MaxValue, isSingleBatch: true);
    }

    private BsonDocument DropIndexes(BsonDocument command)
    {
        var collection = Existing(command);
        var before = collection.ListIndexes().Count;
        var name = command["index"].AsString;
        if (name == "_id_")
        {
            throw new CommandFailure(ErrorCode.InvalidOptions, "cannot drop _id index");
        }

        if (collection.DropIndexes(index => name == "*" || index.Name == name) == 0 && name != "*")
        {
            throw new CommandFailure(ErrorCode.IndexNotFound, $"index not found with name [{name}]");
        }

        return new BsonDocument("nIndexesWas", before).AddRange(Ok);
    }

    private Collection Target(BsonDocument command) => storage[command["$db"].AsString, command[0].AsString];

    private Collection Existing(BsonDocument command) => Target(command) is { Exists: true } collection
        ? collection
        : throw new CommandFailure(ErrorCode.NamespaceNotFound, $"ns does not exist: {command["$db"]}.{command[0]}");
}
