using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using MongoDB.Bson;
using MongoDB.Driver;
using MongoDB.Driver.Core.Clusters;
using MongoDB.Driver.Core.Servers;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Classifies failures of the driver and of the server.</summary>
internal static partial class MongoFailures
{
    // Names and numbers are those of mongod's src/mongo/base/error_codes.yml.
    private const int Unauthorized = 13;
    private const int AuthenticationFailed = 18;
    private const int IllegalOperation = 20;
    private const int NamespaceNotFound = 26;
    private const int IndexNotFound = 27;
    private const int MaxTimeMSExpired = 50;
    private const int CommandNotFound = 59;
    private const int WriteConcernTimeout = 64;
    private const int DocumentValidationFailure = 121;
    private const int DuplicateKey = 11000;

    // Amazon DocumentDB's code instead of IllegalOperation.
    private const int RetryableWritesNotSupported = 301;

    private const string NoMajority = "A majority of the replica set did not confirm a write in time. A secondary may be down or lag behind.";

    /// <summary>Whether a unique index already contains the value.</summary>
    public static bool IsDuplicateKey(int code) => code == DuplicateKey;

    /// <summary>Whether the database user has no right to a command.</summary>
    public static bool IsForbidden(int code) => code == Unauthorized;

    /// <summary>Whether there is no such index, or no collection that could have one.</summary>
    public static bool IsMissingIndex(int code) => code is IndexNotFound or NamespaceNotFound;

    /// <summary>Whether a server does not list indexes, or not to this user.</summary>
    public static bool CannotListIndexes(MongoCommandException failure) => failure.Code is Unauthorized or CommandNotFound;

    /// <summary>
    /// The outcome of a write that a rule of the database refuses: a unique index other than that on <c>_id</c>, or a validator. Null: it failed
    /// for another reason. A duplicate <c>_id</c> is a race of two first writes (SERVER-14322).
    /// </summary>
    /// <param name="code">The server's code.</param>
    /// <param name="message">
    /// The server's message. It names the index; the driver drops <c>keyPattern</c> from the errors of an <c>update</c>.
    /// </param>
    public static WriteResult? Refusal(int code, string message)
    {
        if (code == DocumentValidationFailure)
        {
            return new(WriteOutcome.Refused);
        }

        var index = code == DuplicateKey ? DuplicateKeyMessage().Match(message) : Match.Empty;
        return index.Success && index.Groups["name"].Value is not "_id_" and var name
            ? new(WriteOutcome.Conflict) { Field = name == UserIndexes.UniqueEmail ? "email" : index.Groups["field"] is { Success: true, Value: var field } ? field : null }
            : null;
    }

    /// <summary>The failure of a write that was applied, but not confirmed by the majority in time.</summary>
    public static StoreUnavailableException Unconfirmed(WriteConcernError error) =>
        new(mayHaveBeenApplied: true, new MongoException($"The server reports error {error.Code} while it waits for the majority."))
        {
            Reason = IsTimeout(error.Code) ? NoMajority : null,
        };

    /// <summary>The failure of one statement of several, which changed nothing. The server's message may quote the document.</summary>
    public static StoreUnavailableException NotApplied(WriteError error) =>
        new(mayHaveBeenApplied: false, new MongoException($"The server reports error {error.Code} for a write."));

    /// <summary>Whether a failure means that the store cannot answer now.</summary>
    public static bool IsUnavailable(Exception failure, OperationBudget budget) =>
        failure is MongoException or TimeoutException or IOException or SocketException
        || failure is ArgumentNullException { Source: "MongoDB.Driver" } // driver 3.14.0: a bulk write that is retried finds no server
        || (failure is OperationCanceledException && !budget.IsGivenUp);

    /// <summary>Whether nothing was sent: the driver found no server, or got no connection from its pool, in time.</summary>
    public static bool WasNeverSent(Exception failure) =>
        failure is TimeoutException or MongoWaitQueueFullException or MongoConnectionPoolPausedException or MongoAuthenticationException;

    /// <summary>
    /// Whether a write failed for a reason that lasts until the operator changes a setting, and that does not affect reads: the health check must
    /// remember it.
    /// </summary>
    public static bool IsLasting(Exception failure) =>
        failure is MongoCommandException command && (command.Code == Unauthorized || LacksRetryableWrites(command));

    /// <summary>What is wrong and how to fix it, see <see cref="StoreUnavailableException.Reason"/>.</summary>
    /// <param name="failure">The failure.</param>
    /// <param name="isWrite">Whether a write failed.</param>
    /// <param name="cluster">What the driver knows of the servers.</param>
    public static string? Explain(Exception failure, bool isWrite, ClusterDescription? cluster) => failure switch
    {
        MongoAuthenticationException or MongoCommandException { Code: AuthenticationFailed } =>
            "The server refuses the credentials of ConnectionStrings:users. Check the user name, the password and authSource.",
        MongoCommandException { Code: Unauthorized } =>
            $"The database user may not {(isWrite ? "write" : "read")} the collection {MongoUsers.Name}. Give it the role readWrite on its database.",
        MongoCommandException command when LacksRetryableWrites(command) =>
            "The server has no retryable writes. Set retryWrites=false in ConnectionStrings:users.",
        MongoExecutionTimeoutException =>
            "The server did not finish a command in time. It is overloaded, or Store:Timeout is too short for it.",
        MongoWriteConcernException e when IsTimeout(CodeOf(e)) => NoMajority,
        _ when cluster is not null && !HasPrimary(cluster) => Describe(cluster),
        _ => null,
    };

    // The driver's message replaces mongod's "Transaction numbers are only allowed on a replica set member or mongos".
    private static bool LacksRetryableWrites(MongoCommandException failure) =>
        failure.Code == RetryableWritesNotSupported
        || (failure.Code == IllegalOperation && failure.Message.Contains("retryable writes", StringComparison.Ordinal));

    // Either wtimeout or maxTimeMS ended it
    private static bool IsTimeout(int? writeConcernError) => writeConcernError is WriteConcernTimeout or MaxTimeMSExpired;

    private static int? CodeOf(MongoWriteConcernException failure) =>
        failure.Result?.GetValue("writeConcernError", null) is BsonDocument error ? error.GetValue("code", 0).ToInt32() : null;

    private static bool HasPrimary(ClusterDescription cluster) => cluster.Servers.Any(server => server is
    {
        State: ServerState.Connected,
        Type: ServerType.ReplicaSetPrimary or ServerType.Standalone or ServerType.ShardRouter or ServerType.LoadBalanced,
    });

    private static string Describe(ClusterDescription cluster)
    {
        var servers = cluster.Servers.Select(server => $"{AddressOf(server.EndPoint)} {StateOf(server)}").ToList();
        return servers.Count > 0
            ? $"No server takes writes: {string.Join("; ", servers)}."
            : $"The host name of ConnectionStrings:users leads to no server{(cluster.DnsMonitorException is { } dns ? $" ({dns.GetBaseException().GetType().Name})" : "")}.";
    }

    private static string AddressOf(EndPoint endPoint) => endPoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : $"{endPoint}";

    // Only messages of the operating system are used: the driver's messages may quote a server's message or the connection string.
    private static string StateOf(ServerDescription server) => server switch
    {
        { State: ServerState.Connected } => $"is a {server.Type}",
        { HeartbeatException: { } failure } => failure.GetBaseException() switch
        {
            SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } => "cannot be resolved",
            SocketException e => $"does not answer ({e.SocketErrorCode})",
            var e => $"does not answer ({e.GetType().Name})",
        },
        _ => "does not answer",
    };

    // "E11000 duplicate key error collection: users.users index: email_1 dup key: { email: \"ana@example.org\" }", and with "collation: { … }"
    // before "dup key" where the index has one (mongod, src/mongo/db/storage/duplicate_key_error_info.cpp and its callers). Servers before
    // 4.4 leave the field's name out, and those before 3.2 write the index as "database.collection.$name".
    [GeneratedRegex(@"index: (\S*\$)?(?<name>\S+)(.*? dup key: \{ (?<field>[^\s:""{}]+): )?", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex DuplicateKeyMessage();
}
