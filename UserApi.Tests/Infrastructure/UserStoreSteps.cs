using UserApi.Api.Users;
using UserApi.Api.Users.Stores;

namespace UserApi.Tests.Infrastructure;

internal static class UserStoreSteps
{
    /// <summary>Puts a user and returns its new state.</summary>
    public static ValueTask<WriteResult> PutAsync(
        this IUserStore store, UserId id, UserInput body, Precondition precondition, CancellationToken cancellationToken) =>
        store.PutAsync(id, body, precondition, returnUser: true, cancellationToken);

    /// <summary>Lists all users in id order.</summary>
    public static ValueTask<UserPage> ListAsync(this IUserStore store, UserId? after, int limit, CancellationToken cancellationToken) =>
        store.ListAsync(new() { After = after is { } id ? new(id.Value) : null, Limit = limit }, cancellationToken);
}
