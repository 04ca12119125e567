using System.Collections.Frozen;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>A failure that is sent to the client as an error document.</summary>
internal sealed class CommandFailure(ErrorCode code, string message, BsonDocument? details = null) : Exception(message)
{
    public ErrorCode Code { get; } = code;

    /// <summary>Further fields of the error document, such as keyPattern and keyValue.</summary>
    public BsonDocument Details { get; } = details ?? [];

    public BsonDocument ToWriteError(int index)
    {
        return new BsonDocument { { "index", index }, { "code", (int)Code }, { "errmsg", Message } }.AddRange(Details);
    }
}

/// <summary>Error codes with the server's names: the name of a member is sent as codeName.</summary>
internal enum ErrorCode
{
    InternalError = 1,
    BadValue = 2,
    HostUnreachable = 6,
    HostNotFound = 7,
    FailedToParse = 9,
    Unauthorized = 13,
    TypeMismatch = 14,
    IllegalOperation = 20,
    NamespaceNotFound = 26,
    IndexNotFound = 27,
    PathNotViable = 28,
    ConflictingUpdateOperators = 40,
    CursorNotFound = 43,
    NamespaceExists = 48,
    MaxTimeMSExpired = 50,
    NotSingleValueField = 54,
    CommandNotFound = 59,
    WriteConcernFailed = 64,
    ImmutableField = 66,
    CannotCreateIndex = 67,
    InvalidOptions = 72,
    IndexOptionsConflict = 85,
    IndexKeySpecsConflict = 86,
    NetworkTimeout = 89,
    ShutdownInProgress = 91,
    DocumentValidationFailure = 121,
    ReadConcernMajorityNotAvailableYet = 134,
    CannotIndexParallelArrays = 171,
    PrimarySteppedDown = 189,
    InvalidIndexSpecificationOption = 197,
    TransactionTooOld = 225,
    ExceededTimeLimit = 262,
    UnsupportedOpQueryCommand = 352,
    SocketException = 9001,
    NotWritablePrimary = 10107,
    DuplicateKey = 11000,
    InterruptedAtShutdown = 11600,
    InterruptedDueToReplStateChange = 11602,
    NotPrimaryNoSecondaryOk = 13435,
    NotPrimaryOrSecondary = 13436,
    IDLUnknownField = 40415,
}

internal static class ErrorCodes
{
    private static readonly FrozenSet<ErrorCode> s_stateChange =
    [
        ErrorCode.ShutdownInProgress, ErrorCode.PrimarySteppedDown, ErrorCode.NotWritablePrimary, ErrorCode.InterruptedAtShutdown,
        ErrorCode.InterruptedDueToReplStateChange, ErrorCode.NotPrimaryNoSecondaryOk, ErrorCode.NotPrimaryOrSecondary,
    ];

    private static readonly FrozenSet<ErrorCode> s_retryable =
    [
        .. s_stateChange, ErrorCode.HostUnreachable, ErrorCode.HostNotFound, ErrorCode.NetworkTimeout, ErrorCode.ExceededTimeLimit,
        ErrorCode.SocketException,
    ];

    /// <summary>Whether the server is not primary or is shutting down: such errors carry the topologyVersion.</summary>
    public static bool IsStateChange(this ErrorCode code) => s_stateChange.Contains(code);

    /// <summary>Whether the error carries the label RetryableWriteError in the reply to a retryable write.</summary>
    public static bool IsRetryable(this ErrorCode code) => s_retryable.Contains(code);

    public static string Name(this ErrorCode code) => Enum.IsDefined(code) ? code.ToString() : $"Location{(int)code}";
}
