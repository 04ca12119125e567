using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Carries out operations on the collection within their timeout, and translates their failures.</summary>
/// <param name="connection">The connection to the database; disposed with this object.</param>
/// <param name="timeout">The timeout of one operation.</param>
internal sealed class MongoOperations(MongoConnection connection, TimeSpan timeout) : IDisposable
{
    private const int MaxAttempts = 4;

    private volatile MongoUsers? _users;
    private volatile bool _isChecked;
    private volatile string? _refusal;
    private volatile string? _lastWriteFault;

    /// <summary>
    /// Why the last write failed, if the failure lasts until somebody changes a setting, see <see cref="StoreUnavailableException.Reason"/>;
    /// null if it succeeded.
    /// </summary>
    public string? LastWriteFault => _lastWriteFault;

    /// <summary>Starts the timeout of an operation.</summary>
    /// <param name="cancellationToken">Cancelled by the caller.</param>
    public OperationBudget StartBudget(CancellationToken cancellationToken) => new(timeout, cancellationToken);

    /// <inheritdoc cref="RunAsync{T}(bool, Func{OperationBudget, Task{T}}, CancellationToken)"/>
    public async ValueTask RunAsync(bool isWrite, Func<OperationBudget, Task> operation, CancellationToken cancellationToken) =>
        await RunAsync(
            isWrite,
            async budget =>
            {
                await operation(budget);
                return true;
            },
            cancellationToken);

    /// <summary>Carries out an operation.</summary>
    /// <param name="isWrite">Whether it writes.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="cancellationToken">Cancelled by the caller.</param>
    /// <exception cref="StoreUnavailableException">The database did not carry it out within the timeout.</exception>
    public async ValueTask<T> RunAsync<T>(bool isWrite, Func<OperationBudget, Task<T>> operation, CancellationToken cancellationToken)
    {
        using var budget = StartBudget(cancellationToken);
        return await RunAsync(isWrite, operation, budget);
    }

    /// <summary>Carries out a part of an operation, see the other overload.</summary>
    public async ValueTask<T> RunAsync<T>(bool isWrite, Func<OperationBudget, Task<T>> operation, OperationBudget budget)
    {
        try
        {
            var result = await operation(budget);
            if (isWrite && _lastWriteFault is not null)
            {
                _lastWriteFault = null;
            }

            return result;
        }
        catch (Exception e) when (MongoFailures.IsUnavailable(e, budget))
        {
            var reason = MongoFailures.Explain(e, isWrite, connection.Cluster);
            if (isWrite && MongoFailures.IsLasting(e))
            {
                _lastWriteFault = reason;
            }

            throw new StoreUnavailableException(mayHaveBeenApplied: isWrite && !MongoFailures.WasNeverSent(e), e) { Reason = reason };
        }
    }

    /// <summary>The collection.</summary>
    /// <exception cref="StoreUnavailableException">The collection cannot store users.</exception>
    public MongoUsers Open()
    {
        var users = _users ??= new(connection.Database, timeout);
        return _refusal is { } reason ? throw new StoreUnavailableException(mayHaveBeenApplied: false) { Reason = reason } : users;
    }

    /// <summary>
    /// Refuses a collection while it has a default collation. Its unique index on _id must have the same collation (mongod,
    /// index_key_validate.cpp: "_id index must have the collection default collation"): two ids that are equal in it cannot both be stored, and
    /// a command with the simple collation cannot use the index at all. The check starts with the process and is not repeated after it has
    /// succeeded; callers do not wait for it.
    /// </summary>
    /// <param name="budget">The operation's budget.</param>
    public async Task CheckCollationAsync(OperationBudget budget)
    {
        if (_isChecked)
        {
            return;
        }

        try
        {
            using var indexes = await (_users ??= new(connection.Database, timeout)).For(budget).Users.Indexes.ListAsync(budget.Token);
            var hasCollation = (await indexes.ToListAsync(budget.Token)).Exists(index => index.GetValue("name", "") == "_id_" && index.Contains("collation"));
            _refusal = hasCollation
                ? $"The collection {MongoUsers.Name} has a default collation, and ids must compare by their bytes. Copy its documents into a collection without one."
                : null;
            _isChecked = !hasCollation;
        }
        catch (MongoCommandException e) when (MongoFailures.CannotListIndexes(e))
        {
            _isChecked = true; // There is nobody else to ask.
        }
    }

    /// <summary>Waits before a retry after a collision; fails after some attempts.</summary>
    /// <param name="attempt">How many attempts there were.</param>
    /// <param name="budget">The operation's budget.</param>
    public static Task PauseAsync(int attempt, OperationBudget budget) => attempt < MaxAttempts
        ? Task.Delay(Random.Shared.Next(1, 10 * attempt), budget.Token)
        : throw new StoreUnavailableException(mayHaveBeenApplied: false, new MongoException($"A first write collided with others {attempt} times."));

    /// <inheritdoc/>
    public void Dispose() => connection.Dispose();
}
