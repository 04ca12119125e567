namespace UserApi.MongoWire;

/// <summary>How a <see cref="MongoWireServer"/> presents itself.</summary>
public sealed record MongoWireServerOptions
{
    /// <summary>The port on 127.0.0.1; 0 takes a free one.</summary>
    public int Port { get; init; }

    /// <summary>The replica set the server is the only member of; null makes it a standalone, which knows no retryable writes.</summary>
    public string? ReplicaSet { get; init; } = "rs0";

    /// <summary>
    /// How a set without retryable writes refuses them: 20, as mongod does without a replica set, or 301, as Amazon DocumentDB does. Like there,
    /// a client cannot see it before it tries. Null: it has them.
    /// </summary>
    public int? RetryableWritesError { get; init; }

    /// <summary>The database named by <see cref="MongoWireServer.ConnectionString"/>.</summary>
    public string Database { get; init; } = "users";

    /// <summary>How many commands <see cref="MongoWireServer.RecentCommands"/> keeps; 0 keeps none, which is fastest.</summary>
    public int RecordedCommands { get; init; }
}
