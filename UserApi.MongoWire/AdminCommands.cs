using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Commands on the server, its sessions and its databases.</summary>
internal sealed class AdminCommands(Storage storage, FailPoints failPoints, RetryableWrites retryableWrites)
{
    public IEnumerable<Command> All =>
    [
        new("ping", CommandKind.Admin, _ => new("ok", 1.0)),
        new("buildInfo", CommandKind.Admin, BuildInfo),
        new("buildinfo", CommandKind.Admin, BuildInfo),
        new("endSessions", CommandKind.Admin, EndSessions),
        new("configureFailPoint", CommandKind.Admin, failPoints.Configure, "mode", "data"),
        new("dropDatabase", CommandKind.Write, DropDatabase),
    ];

    private static BsonDocument BuildInfo(BsonDocument command) => new()
    {
        { "version", "8.0.0" },
        { "versionArray", new BsonArray { 8, 0, 0, 0 } },
        { "maxBsonObjectSize", 16 * 1024 * 1024 },
        { "ok", 1.0 },
    };

    private BsonDocument EndSessions(BsonDocument command)
    {
        foreach (var session in command[0].AsBsonArray)
        {
            retryableWrites.End(session["id"]);
        }

        return new("ok", 1.0);
    }

    private BsonDocument DropDatabase(BsonDocument command)
    {
        var database = command["$db"].AsString;
        storage.DropDatabase(database);

        return new() { { "dropped", database }, { "ok", 1.0 } };
    }
}
