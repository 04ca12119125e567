namespace UserApi.Api.Users.Stores;

/// <summary>
/// Stores users. Every operation is atomic and, unless the implementation says otherwise, linearizable per user; a completed write is
/// durable. If a store cannot respond in time, it throws a <see cref="StoreUnavailableException"/>.
/// </summary>
internal interface IUserStore
{
    /// <summary>The store's name in telemetry: the <c>db.system.name</c> of the OpenTelemetry semantic conventions.</summary>
    string SystemName { get; }

    /// <summary>Finds a user; null when there is none.</summary>
    ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken);

    /// <summary>
    /// Lists users in the order of their ids' code points. The cost depends on <paramref name="limit"/>, not on how many users there are
    /// or come before. A page always contains its first user, and ends early if it would otherwise be larger than
    /// <see cref="UserPage.MaxBytes"/>.
    /// </summary>
    /// <param name="after">Only users with a greater id are listed, whether or not a user with this id exists; null for the first page.</param>
    /// <param name="limit">The maximum number of users.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    ValueTask<UserPage> ListAsync(UserId? after, int limit, CancellationToken cancellationToken);

    /// <summary>
    /// Creates or replaces a user, if <paramref name="precondition"/> holds at that moment. A replaced user keeps its time of creation; one
    /// that has this state already also keeps its version and its time of change.
    /// </summary>
    /// <param name="id">The id of the user.</param>
    /// <param name="body">The new content.</param>
    /// <param name="precondition">The condition.</param>
    /// <param name="returnUser">Whether the whole new state is needed; the version alone can be cheaper.</param>
    /// <param name="cancellationToken">Stops waiting; the write may still be applied.</param>
    ValueTask<WriteResult> PutAsync(
        UserId id, UserInput body, Precondition precondition, bool returnUser, CancellationToken cancellationToken);

    /// <summary>
    /// Replaces a user by the result of <paramref name="change"/>, if <paramref name="precondition"/> holds at that moment. The user keeps
    /// its time of creation; one that the change leaves as it is also keeps its version and its time of change.
    /// </summary>
    /// <param name="id">The id of the user.</param>
    /// <param name="change">Returns the new content, or null to reject the change; called again if another writer was faster.</param>
    /// <param name="precondition">The condition.</param>
    /// <param name="cancellationToken">Stops waiting; the write may still be applied.</param>
    ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserInput, UserInput?> change, Precondition precondition, CancellationToken cancellationToken);

    /// <summary>Deletes a user, if <paramref name="precondition"/> holds at that moment.</summary>
    ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken);

    /// <summary>Checks that the store responds.</summary>
    ValueTask PingAsync(CancellationToken cancellationToken);
}

/// <summary>The outcome of a write.</summary>
internal enum WriteOutcome
{
    /// <summary>The user did not exist and was created.</summary>
    Created,

    /// <summary>The user existed and has a new state.</summary>
    Replaced,

    /// <summary>The user existed and was deleted.</summary>
    Deleted,

    /// <summary>The user already had this state and was not changed.</summary>
    Unchanged,

    /// <summary>The user exists, the change was rejected, and nothing was done.</summary>
    Invalid,

    /// <summary>The user does not exist, and nothing was done.</summary>
    NotFound,

    /// <summary>The precondition did not hold, and nothing was done.</summary>
    PreconditionFailed,

    /// <summary>Another user has a value that must be unique, and nothing was done.</summary>
    Conflict,

    /// <summary>A rule that the operator has set in the database refuses the user, and nothing was done.</summary>
    Refused,
}

/// <summary>The outcome of a write.</summary>
/// <param name="Outcome">The outcome.</param>
/// <param name="Version">The version of the current state; null unless <paramref name="Outcome"/> is created, replaced or unchanged.</param>
/// <param name="User">The current state, if it was requested; a store may return it in any case.</param>
internal readonly record struct WriteResult(WriteOutcome Outcome, string? Version = null, User? User = null)
{
    /// <summary>The member whose value another user has, if the store knows it; for <see cref="WriteOutcome.Conflict"/> only.</summary>
    public string? Field { get; init; }
}

/// <summary>The store cannot answer now; a later attempt may succeed.</summary>
/// <param name="mayHaveBeenApplied">Whether the failed write may have been applied.</param>
/// <param name="innerException">The cause, for the log.</param>
internal sealed class StoreUnavailableException(bool mayHaveBeenApplied, Exception? innerException = null)
    : Exception("The user store cannot answer.", innerException)
{
    /// <summary>Whether the failed write may have been applied; false for a read.</summary>
    public bool MayHaveBeenApplied { get; } = mayHaveBeenApplied;

    /// <summary>
    /// What is wrong and how to fix it, in one sentence for the operator, if the store knows it. It contains no part of a user, of a
    /// password or of a document. Null: it is only known that the store does not respond.
    /// </summary>
    public string? Reason { get; init; }

    /// <summary>The same failure for another caller: one exception that is thrown in several places gets a mixed stack trace.</summary>
    internal StoreUnavailableException Copy() => new(MayHaveBeenApplied, InnerException) { Reason = Reason };
}
