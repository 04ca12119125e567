namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>A put (with a body), an update (with a change) or a delete (with neither), which its caller waits for.</summary>
internal sealed record Write(
    UserId Id, UserInput? Body, Func<UserInput, UserInput?>? Change, Precondition Precondition, CancellationToken CancellationToken)
{
    /// <summary>What to do in place of a write of a user; null for such a write.</summary>
    public Action<WriteSession>? Step { get; init; }

    public TaskCompletionSource<WriteResult> Completion { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WriteResult Result { get; set; }
}
