using System.Diagnostics;
using System.Net.Sockets;
using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Users as documents of one MongoDB collection, <c>users</c>, with the user's id as <c>_id</c>.</summary>
/// <remarks>
/// Writes and their preconditions are linearizable: a majority has them before they are answered. Reads ask the primary, with the server's
/// default read concern (<c>local</c>): one that was deposed and does not know it yet may for a moment find what has been replaced since,
/// or a write that was never answered and will be rolled back. The read concern <c>linearizable</c> would cost every read a round trip between
/// the servers, and holds for one user at a time: reads could not be joined.
/// </remarks>
public sealed class MongoUserStore : IUserStore
{
    private const int DuplicateKey = 11000;

    private static readonly FindOptions<User> s_one = new() { Limit = 1 };
    private static readonly BulkWriteOptions s_unordered = new() { IsOrdered = false };
    private static readonly SortDefinition<User> s_byId = Builders<User>.Sort.Ascending(UserBsonSerializer.Id);
    private static readonly FindOneAndDeleteOptions<User, BsonDocument> s_idOnly = new() { Projection = Builders<User>.Projection.Include(UserBsonSerializer.Id) };
    private static readonly ProjectionDefinition<User, BsonDocument> s_createdAt =
        Builders<User>.Projection.Include(UserBsonSerializer.CreatedAt).Exclude(UserBsonSerializer.Id);

    private readonly IMongoDatabase _database;
    private readonly IMongoCollection<User> _users;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _clock;
    private readonly RequestBatcher<string, User?> _finds;
    private readonly RequestBatcher<User, WriteOutcome> _puts;

    /// <summary>Uses a database, which does not have to be reachable yet.</summary>
    /// <param name="database">Where the collection is; its client is the process's only one.</param>
    /// <param name="timeout">What one operation may take, see <see cref="StoreOptions.Timeout"/>.</param>
    /// <param name="clock">The time of writes.</param>
    public MongoUserStore(IMongoDatabase database, TimeSpan timeout, TimeProvider clock)
    {
        (_database, _timeout, _clock) = (database, timeout, clock);

        // Said here, so that a changed default of a server cannot weaken what was promised.
        _users = database
            .GetCollection<User>("users", new() { ReadPreference = ReadPreference.Primary })
            .WithWriteConcern(WriteConcern.WMajority.With(journal: true));
        _finds = new(FindManyAsync, isRepeatable: true);
        _puts = new(PutManyAsync, isRepeatable: false);
    }

    /// <inheritdoc/>
    public string SystemName => "mongodb";

    /// <inheritdoc/>
    public ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken) => IsTraced
        ? RunAsync(isWrite: false, cancel => FindOneAsync(id, cancel), cancellationToken)
        : new(_finds.RunAsync(id.Value, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<UserPage> ListAsync(UserId? after, int limit, CancellationToken cancellationToken) =>
        RunAsync(isWrite: false, async cancel =>
        {
            var filter = after is { } start ? Builders<User>.Filter.Gt(UserBsonSerializer.Id, start.Value) : Builders<User>.Filter.Empty;

            // One more than asked for tells whether there is a next page.
            var options = new FindOptions<User> { Sort = s_byId, Limit = limit + 1, BatchSize = limit + 1 };
            using var cursor = await _users.FindAsync(filter, options, cancel);
            var users = await cursor.ToListAsync(cancel);
            return users.Count > limit ? new UserPage([.. users.Take(limit)], users[limit - 1].Id) : new UserPage(users, null);
        }, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<WriteResult> PutAsync(
        UserId id, UserBody body, Precondition precondition, bool returnUser, CancellationToken cancellationToken)
    {
        var user = User.Create(id, body, _clock.GetUtcNow());
        return returnUser || !precondition.IsEmpty || IsTraced
            ? await PutOneAsync(id, user, precondition, cancellationToken)
            : new(await _puts.RunAsync(user, cancellationToken), user.Version);
    }

    /// <inheritdoc/>
    public async ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserBody, UserBody?> change, Precondition precondition, CancellationToken cancellationToken)
    {
        using var budget = StartBudget(cancellationToken);
        while (true)
        {
            var current = await RunAsync(isWrite: false, cancel => FindAsync(id, cancel).AsTask(), budget, cancellationToken);
            if (current is null || !precondition.IsSatisfiedBy(current.Version))
            {
                return new(current is null ? WriteOutcome.NotFound : WriteOutcome.PreconditionFailed);
            }

            if (change(current.Body) is not { } body)
            {
                return new(WriteOutcome.Unchanged);
            }

            // Another writer came in between when this fails: the change is made to what that one left.
            var next = User.Create(id, body, _clock.GetUtcNow());
            var result = await RunAsync(
                isWrite: true, cancel => PutOneAsync(id, next, Precondition.Matches(current.Version), cancel).AsTask(), budget, cancellationToken);
            if (result.Outcome != WriteOutcome.PreconditionFailed)
            {
                return result;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken) =>
        RunAsync(isWrite: true, async cancel =>
        {
            // Not DeleteOne: the driver makes it a bulk write, whose own error handling fails when a retry finds no server.
            while (await _users.FindOneAndDeleteAsync(ById(id, precondition), s_idOnly, cancel) is null)
            {
                var current = precondition.IsEmpty ? null : await FindOneAsync(id, cancel);
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
            cancel => _database.RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), ReadPreference.Primary, cancel),
            cancellationToken);

    /// <summary>Whether this request's spans are wanted: then it has commands of its own, and their spans are its spans.</summary>
    private static bool IsTraced => Activity.Current is { Recorded: true };

    private static FilterDefinition<User> ById(UserId id) => Builders<User>.Filter.Eq(UserBsonSerializer.Id, id.Value);

    private static FilterDefinition<User> ById(UserId id, Precondition precondition)
    {
        var filter = ById(id);
        if (precondition.IfMatch is { } match && match != VersionSet.Any)
        {
            filter &= Builders<User>.Filter.In(UserBsonSerializer.Version, match.Versions);
        }

        if (precondition.IfNoneMatch is { } noneMatch)
        {
            filter &= noneMatch == VersionSet.Any
                ? Builders<User>.Filter.In(UserBsonSerializer.Version, Array.Empty<string>())
                : Builders<User>.Filter.Nin(UserBsonSerializer.Version, noneMatch.Versions);
        }

        return filter;
    }

    private ValueTask<WriteResult> PutOneAsync(UserId id, User user, Precondition precondition, CancellationToken cancellationToken) =>
        RunAsync(isWrite: true, async cancel =>
        {
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
                    var before = await _users.FindOneAndUpdateAsync(ById(id, precondition), UserBsonSerializer.Replace(user), options, cancel);
                    return before is not null
                        ? new(WriteOutcome.Replaced, user.Version, user with { CreatedAt = before[UserBsonSerializer.CreatedAt].ToUniversalTime() })
                        : options.IsUpsert ? new WriteResult(WriteOutcome.Created, user.Version, user)
                        : new(WriteOutcome.PreconditionFailed);
                }
                catch (MongoCommandException e) when (e.Code == DuplicateKey)
                {
                    // The user is there, and it is not what the precondition asks, or another first write came in between (SERVER-14322).
                    if (!precondition.IsSatisfiedBy((await FindOneAsync(id, cancel))?.Version))
                    {
                        return new(WriteOutcome.PreconditionFailed);
                    }
                }
            }
        }, cancellationToken);

    /// <summary>Puts users without conditions, in one command.</summary>
    private ValueTask<IReadOnlyList<WriteOutcome>> PutManyAsync(IReadOnlyList<User> users) =>
        RunAsync<IReadOnlyList<WriteOutcome>>(isWrite: true, async cancel =>
        {
            var outcomes = Enumerable.Repeat(WriteOutcome.Replaced, users.Count).ToArray();
            List<int> open = [.. Enumerable.Range(0, users.Count)];
            while (open.Count > 0)
            {
                var updates = open.Select(index => new UpdateOneModel<User>(
                    Builders<User>.Filter.Eq(UserBsonSerializer.Id, users[index].Id), UserBsonSerializer.Replace(users[index]))
                { IsUpsert = true });
                try
                {
                    var (created, collided) = await UpdateAsync([.. updates], cancel);
                    foreach (var index in created)
                    {
                        outcomes[open[index]] = WriteOutcome.Created;
                    }

                    open = [.. collided.Select(index => open[index])];
                }
                catch (Exception e) when (open.Count < users.Count && IsUnavailable(e, CancellationToken.None))
                {
                    // Whatever became of this try, the one before it applied the others.
                    throw new StoreUnavailableException(mayHaveBeenApplied: true, e);
                }
            }

            return outcomes;
        }, CancellationToken.None);

    /// <summary>
    /// Carries out updates, and tells by their indexes which of them created a user, and which collided with another first write
    /// (SERVER-14322) and are to be tried again.
    /// </summary>
    private async Task<(IEnumerable<int> Created, IEnumerable<int> Collided)> UpdateAsync(
        List<UpdateOneModel<User>> updates, CancellationToken cancellationToken)
    {
        try
        {
            return (Created(await _users.BulkWriteAsync(updates, s_unordered, cancellationToken)), []);
        }
        catch (MongoBulkWriteException<User> e)
            when (e.WriteConcernError is null && e.WriteErrors.All(error => error.Category == ServerErrorCategory.DuplicateKey))
        {
            return (Created(e.Result), e.WriteErrors.Select(error => error.Index));
        }
        catch (MongoCommandException e) when (e.Code == DuplicateKey)
        {
            return ([], Enumerable.Range(0, updates.Count));
        }

        static IEnumerable<int> Created(BulkWriteResult result) => result.Upserts.Select(upsert => upsert.Index);
    }

    /// <summary>Finds users in one command.</summary>
    private ValueTask<IReadOnlyList<User?>> FindManyAsync(IReadOnlyList<string> ids) =>
        RunAsync<IReadOnlyList<User?>>(isWrite: false, async cancel =>
        {
            var filter = ids.Count == 1
                ? Builders<User>.Filter.Eq(UserBsonSerializer.Id, ids[0])
                : Builders<User>.Filter.In(UserBsonSerializer.Id, ids.Distinct());
            using var cursor = await _users.FindAsync(filter, cancellationToken: cancel);
            var users = (await cursor.ToListAsync(cancel)).ToDictionary(user => user.Id);
            return [.. ids.Select(id => users.GetValueOrDefault(id))];
        }, CancellationToken.None);

    private async Task<User?> FindOneAsync(UserId id, CancellationToken cancellationToken)
    {
        using var cursor = await _users.FindAsync(ById(id), s_one, cancellationToken);
        return await cursor.MoveNextAsync(cancellationToken) ? cursor.Current.FirstOrDefault() : null;
    }

    /// <summary>
    /// Bounds an operation by <see cref="StoreOptions.Timeout"/>: the driver's own limits each bound a part of it, and nothing in its public
    /// interface bounds a server that took the command and never answers.
    /// </summary>
    private async ValueTask<T> RunAsync<T>(bool isWrite, Func<CancellationToken, Task<T>> operation, CancellationToken cancellationToken)
    {
        using var budget = StartBudget(cancellationToken);
        return await RunAsync(isWrite, operation, budget, cancellationToken);
    }

    /// <summary>Carries out a part of an operation within the operation's budget.</summary>
    private static async ValueTask<T> RunAsync<T>(
        bool isWrite, Func<CancellationToken, Task<T>> operation, CancellationTokenSource budget, CancellationToken cancellationToken)
    {
        try
        {
            return await operation(budget.Token);
        }
        catch (Exception e) when (IsUnavailable(e, cancellationToken))
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: isWrite && !WasNeverSent(e), e);
        }
    }

    private CancellationTokenSource StartBudget(CancellationToken cancellationToken)
    {
        var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        budget.CancelAfter(_timeout);
        return budget;
    }

    private static bool IsUnavailable(Exception e, CancellationToken cancellationToken) =>
        e is MongoException or TimeoutException or IOException or SocketException
        || e is ArgumentNullException { Source: "MongoDB.Driver" } // driver 3.14.0: a bulk write that is retried finds no server
        || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested);

    // The driver gives up choosing a server, or waiting for a connection of its pool, before it sends anything.
    private static bool WasNeverSent(Exception e) =>
        e is TimeoutException or MongoWaitQueueFullException or MongoConnectionPoolPausedException or MongoAuthenticationException;
}
