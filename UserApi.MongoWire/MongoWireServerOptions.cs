namespace UserApi.MongoWire;

/// <summary>Options of a <see cref="MongoWireServer"/>.</summary>
public sealed record MongoWireServerOptions
{
    /// <summary>The port on 127.0.0.1; 0 means any free port.</summary>
    public int Port { get; init; }

    /// <summary>The replica set of which the server is the only member; null for a standalone server, which has no retryable writes.</summary>
    public string? ReplicaSet { get; init; } = "rs0";

    /// <summary>
    /// The error code by which a replica set without retryable writes refuses them: 20, as mongod without a replica set, or 301, as Amazon
    /// DocumentDB. As there, a client cannot know this before it tries. Null: the server has retryable writes.
    /// </summary>
    public int? RetryableWritesError { get; init; }

    /// <summary>The database named by <see cref="MongoWireServer.ConnectionString"/>.</summary>
    public string Database { get; init; } = "users";

    /// <summary>How many commands <see cref="MongoWireServer.RecentCommands"/> keeps; 0, which is fastest, keeps none.</summary>
    public int RecordedCommands { get; init; }
}
