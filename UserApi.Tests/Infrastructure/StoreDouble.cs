using UserApi.Api.Users;
using UserApi.Api.Users.Stores;

namespace UserApi.Tests.Infrastructure;

/// <summary>An empty store. Its operations first run a function of the test, which may fail or wait.</summary>
/// <param name="operation">Runs before every operation on users.</param>
/// <param name="ping">Runs on every ping; null for pings that succeed.</param>
internal sealed class StoreDouble(Func<CancellationToken, Task> operation, Func<CancellationToken, Task>? ping = null) : IUserStore
{
    public string SystemName => "double";

    public async ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken)
    {
        await operation(cancellationToken);
        return null;
    }

    public async ValueTask<UserPage> ListAsync(UserQuery query, CancellationToken cancellationToken)
    {
        await operation(cancellationToken);
        return new([], null);
    }

    public async ValueTask<WriteResult> PutAsync(
        UserId id, UserInput body, Precondition precondition, bool returnUser, CancellationToken cancellationToken)
    {
        await operation(cancellationToken);
        var user = User.Create(id, body, DateTimeOffset.UnixEpoch);
        return new(WriteOutcome.Created, user.Version, user);
    }

    public async ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserInput, UserInput?> change, Precondition precondition, CancellationToken cancellationToken)
    {
        await operation(cancellationToken);
        return new(WriteOutcome.NotFound);
    }

    public async ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken)
    {
        await operation(cancellationToken);
        return new(WriteOutcome.NotFound);
    }

    public Task<TimeSpan> MakeIndexesAsync(CancellationToken cancellationToken) => Task.FromResult(Timeout.InfiniteTimeSpan);

    public async ValueTask PingAsync(CancellationToken cancellationToken) => await (ping ?? (_ => Task.CompletedTask))(cancellationToken);
}
