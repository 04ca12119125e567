using System.Net.Sockets;
using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores;

/// <summary>Users as documents of one MongoDB collection, <c>users</c>, with the user's id as <c>_id</c>.</summary>
/// <param name="database">Where the collection is; its client is the process's only one.</param>
/// <param name="timeout">What one operation may take, see <see cref="StoreOptions.Timeout"/>.</param>
/// <param name="clock">The time of writes.</param>
public sealed class MongoUserStore(IMongoDatabase database, TimeSpan timeout, TimeProvider clock) : IUserStore
{
    private const int DuplicateKey = 11000;

    private static readonly FindOptions<User> s_one = new() { Limit = 1 };
    private static readonly SortDefinition<User> s_byId = Builders<User>.Sort.Ascending(UserSerializer.Id);
    private static readonly FindOneAndDeleteOptions<User, BsonDocument> s_idOnly = new() { Projection = Builders<User>.Projection.Include(UserSerializer.Id) };
    private static readonly ProjectionDefinition<User, BsonDocument> s_createdAt =
        Builders<User>.Projection.Include(UserSerializer.CreatedAt).Exclude(UserSerializer.Id);

    // Said here, so that a changed default of a server cannot weaken what was promised.
    private readonly IMongoCollection<User> _users = database
        .GetCollection<User>("users", new() { ReadPreference = ReadPreference.Primary })
        .WithWriteConcern(WriteConcern.WMajority.With(journal: true));

    /// <inheritdoc/>
    public string SystemName => "mongodb";

    /// <inheritdoc/>
    public ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken) =>
        RunAsync(isWrite: false, cancel => FindAsync(ById(id), cancel), cancellationToken);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<User>> ListAsync(UserId? after, int limit, CancellationToken cancellationToken) =>
        RunAsync<IReadOnlyList<User>>(isWrite: false, async cancel =>
        {
            var filter = after is { } start ? Builders<User>.Filter.Gt(UserSerializer.Id, start.Value) : Builders<User>.Filter.Empty;
            var options = new FindOptions<User> { Sort = s_byId, Limit = limit, BatchSize = limit };
            using var cursor = await _users.FindAsync(filter, options, cancel);
            return await cursor.ToListAsync(cancel);
        }, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<WriteResult> PutAsync(UserId id, UserBody body, Precondition precondition, CancellationToken cancellationToken) =>
        RunAsync(isWrite: true, async cancel =>
        {
            var user = User.Create(id, body, clock.GetUtcNow());
            var options = new FindOneAndUpdateOptions<User, BsonDocument>
            {
                IsUpsert = precondition.IfMatch is null,
                ReturnDocument = ReturnDocument.Before,
                Projection = s_createdAt,
            };
            while (true)
            {
                try
                {
                    var before = await _users.FindOneAndUpdateAsync(ById(id, precondition), UserSerializer.Replace(user), options, cancel);
                    return before is not null
                        ? new(WriteOutcome.Replaced, user with { CreatedAt = before[UserSerializer.CreatedAt].ToUniversalTime() })
                        : options.IsUpsert ? new WriteResult(WriteOutcome.Created, user)
                        : new(WriteOutcome.PreconditionFailed);
                }
                catch (MongoCommandException e) when (e.Code == DuplicateKey)
                {
                    // The user is there, and it is not what the precondition asks, or another first write came in between (SERVER-14322).
                    if (!precondition.IsSatisfiedBy((await FindAsync(ById(id), cancel))?.Version))
                    {
                        return new(WriteOutcome.PreconditionFailed);
                    }
                }
            }
        }, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken) =>
        RunAsync(isWrite: true, async cancel =>
        {
            // Not DeleteOne: the driver makes it a bulk write, whose own error handling fails when a retry finds no server.
            while (await _users.FindOneAndDeleteAsync(ById(id, precondition), s_idOnly, cancel) is null)
            {
                var current = precondition.IsEmpty ? null : await FindAsync(ById(id), cancel);
                if (current is null || !precondition.IsSatisfiedBy(current.Version))
                {
                    return new(current is null ? WriteOutcome.NotFound : WriteOutcome.PreconditionFailed);
                }
            }

            return new WriteResult(WriteOutcome.Deleted);
        }, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask PingAsync(CancellationToken cancellationToken) =>
        await RunAsync(
            isWrite: false,
            cancel => database.RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), ReadPreference.Primary, cancel),
            cancellationToken);

    private static FilterDefinition<User> ById(UserId id) => Builders<User>.Filter.Eq(UserSerializer.Id, id.Value);

    private static FilterDefinition<User> ById(UserId id, Precondition precondition)
    {
        var filter = ById(id);
        if (precondition.IfMatch is { } match && match != VersionSet.Any)
        {
            filter &= Builders<User>.Filter.In(UserSerializer.Version, match.Versions);
        }

        if (precondition.IfNoneMatch is { } noneMatch)
        {
            filter &= noneMatch == VersionSet.Any
                ? Builders<User>.Filter.In(UserSerializer.Version, Array.Empty<string>())
                : Builders<User>.Filter.Nin(UserSerializer.Version, noneMatch.Versions);
        }

        return filter;
    }

    private async Task<User?> FindAsync(FilterDefinition<User> filter, CancellationToken cancellationToken)
    {
        using var cursor = await _users.FindAsync(filter, s_one, cancellationToken);
        return await cursor.MoveNextAsync(cancellationToken) ? cursor.Current.FirstOrDefault() : null;
    }

    /// <summary>
    /// Bounds an operation by <see cref="StoreOptions.Timeout"/>: the driver's own limits each bound a part of it, and nothing in its public
    /// interface bounds a server that took the command and never answers.
    /// </summary>
    private async ValueTask<T> RunAsync<T>(bool isWrite, Func<CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        budget.CancelAfter(timeout);
        try
        {
            return await operation(budget.Token);
        }
        catch (Exception e) when (IsUnavailable(e, cancellationToken))
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: isWrite && !WasNeverSent(e), e);
        }
    }

    private static bool IsUnavailable(Exception e, CancellationToken cancellationToken) =>
        e is MongoException or TimeoutException or IOException or SocketException
        || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    // The driver gives up choosing a server, or waiting for a connection of its pool, before it sends anything.
    private static bool WasNeverSent(Exception e) =>
        e is TimeoutException or MongoWaitQueueFullException or MongoConnectionPoolPausedException or MongoAuthenticationException;
}
