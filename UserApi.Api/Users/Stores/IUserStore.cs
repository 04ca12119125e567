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
    /// Lists the users that are asked for. The cost depends on <see cref="UserQuery.Limit"/>, not on how many users there are or come before. A page
    /// ends early, but never before its first user, where it would otherwise be larger than <see cref="UserPage.MaxBytes"/>; and where
    /// <see cref="UserQuery.MaxExamined"/> users were looked at, however few of them are asked for. Only <see cref="UserPage.Next"/> says whether
    /// there are more. Pages that go on where the one before ended show every user once that is asked for all the time and does not change.
    /// </summary>
    /// <param name="query">Which users.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    /// <exception cref="IndexNotReadyException">An index that this needs is not there yet: never of a <see cref="UserQuery.IsPlain"/> query.</exception>
    ValueTask<UserPage> ListAsync(UserQuery query, CancellationToken cancellationToken);

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

    /// <summary>
    /// Makes the indexes that are missing, while the store is in use. It can be cancelled at any moment, and started again. If e-mail addresses must be
    /// unique, a write that sets one fails with <see cref="IndexNotReadyException"/> until all stored ones are known to be.
    /// </summary>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <returns>
    /// When to call this again: another program may remove an index, and an earlier version of this one may write users without their index keys.
    /// </returns>
    /// <exception cref="StoreUnavailableException">The store cannot answer now; a later attempt may succeed.</exception>
    /// <exception cref="DuplicateEmailsException">E-mail addresses must be unique, and those that are stored are not.</exception>
    Task<TimeSpan> MakeIndexesAsync(CancellationToken cancellationToken);

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

/// <summary>What was asked needs an index that is still being made, see <see cref="IUserStore.MakeIndexesAsync"/>; nothing was done.</summary>
internal sealed class IndexNotReadyException() : Exception("An index is not there yet.");

/// <summary>E-mail addresses must be unique by <c>Users:UniqueEmails</c>, and those that are stored are not: the process must end.</summary>
/// <param name="addresses">How many addresses more than one user has.</param>
/// <param name="howToList">A command that lists them, for the operator.</param>
internal sealed class DuplicateEmailsException(int addresses, string howToList) : Exception(
    $"Users:UniqueEmails is true, and {addresses:n0} e-mail {(addresses == 1 ? "address is that" : "addresses are those")} of more than one user. "
    + $"Change those users, or set Users:UniqueEmails to false. List them with: {howToList}");

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
