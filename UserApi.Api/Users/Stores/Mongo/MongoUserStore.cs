using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Users as documents of one MongoDB collection, <c>users</c>, with the user's id as <c>_id</c>.</summary>
/// <remarks>
/// Writes and their preconditions are linearizable: they complete when a majority has them. Reads use the primary with the server's
/// default read concern (<c>local</c>): a primary that does not know yet that it was replaced may briefly return an old state,
/// or a write that did not complete and will be rolled back. The read concern <c>linearizable</c> would cost every read a round trip between
/// the servers, and applies to one document at a time, so reads could not be batched.
/// </remarks>
internal sealed class MongoUserStore : IUserStore, IDisposable
{
    /// <summary>The store's name in telemetry.</summary>
    public const string System = "mongodb";

    private static readonly ProjectionDefinition<User, BsonDocument> s_idOnly = Builders<User>.Projection.Include(UserBsonSerializer.Id);
    private static readonly ProjectionDefinition<User, BsonDocument> s_createdAt = Builders<User>.Projection.Include(UserBsonSerializer.CreatedAt);

    // Comparisons hold within a type only (MongoDB's manual, "Type Bracketing in Query Predicates"), so these find
    // ids of other programs by the index on _id, and no strings.
    private static readonly FilterDefinition<User> s_otherIds =
        new BsonDocument("$or", new BsonArray
        {
            new BsonDocument(UserBsonSerializer.Id, new BsonDocument("$gte", ObjectId.Empty)),
            new BsonDocument(UserBsonSerializer.Id, new BsonDocument("$gte", double.NegativeInfinity)),
        });

    private readonly MongoOperations _mongo;
    private readonly TimeProvider _clock;
    private readonly UnreadableUsers _unreadable;
    private readonly StoredUsers _stored;
    private readonly UserPageReader _pages;
    private readonly UserIndexes _indexes;
    private readonly UserSearch _search;
    private readonly RequestBatcher<string, User?> _finds;
    private readonly RequestBatcher<User, WriteResult> _puts;
    private volatile bool _hasLookedForOtherIds;

    /// <summary>Uses a database, which may be unreachable at first.</summary>
    /// <param name="connection">The connection to the database; disposed of with the store.</param>
    /// <param name="timeout">The time limit of one operation, see <see cref="StoreOptions.Timeout"/>.</param>
    /// <param name="clock">The time of writes.</param>
    /// <param name="unreadable">Counts documents that are not users.</param>
    /// <param name="uniqueEmails">See <see cref="UserOptions.UniqueEmails"/>.</param>
    /// <param name="logger">Where the progress of the indexes goes.</param>
    public MongoUserStore(
        MongoConnection connection, TimeSpan timeout, TimeProvider clock, UnreadableUsers unreadable, bool uniqueEmails, ILogger<MongoUserStore> logger)
    {
        (_mongo, _clock, _unreadable) = (new(connection, timeout), clock, unreadable);
        _stored = new(_mongo, unreadable);
        _pages = new(unreadable);
        _indexes = new(_mongo, uniqueEmails, clock, logger);
        _search = new(_mongo, _stored.FindAsync, _indexes);
        _finds = new("find", FindManyAsync);
        _puts = new("put", new BatchedPuts(_mongo, _stored).ExecuteAsync);
    }

    /// <inheritdoc/>
    public string SystemName => System;

    /// <inheritdoc/>
    public ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken) => new(_finds.RunAsync(id.Value, cancellationToken));

    /// <inheritdoc/>
    public ValueTask<UserPage> ListAsync(UserQuery query, CancellationToken cancellationToken) =>
        _mongo.RunAsync(
            isWrite: false,
            budget => query.IsPlain
                ? _pages.ReadAsync(query.After?.Id ?? "", query.Limit, _mongo.Open(), budget)
                : _search.ReadAsync(query, budget),
            cancellationToken);

    /// <inheritdoc/>
    public Task<TimeSpan> MakeIndexesAsync(CancellationToken cancellationToken) => _indexes.MakeAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<WriteResult> PutAsync(
        UserId id, UserInput body, Precondition precondition, bool returnUser, CancellationToken cancellationToken)
    {
        _indexes.RequireForWrite(body);
        var user = User.Create(id, body, _clock.GetUtcNow());
        return returnUser || !precondition.IsEmpty
            ? await _mongo.RunAsync(isWrite: true, budget => PutOneAsync(id, user, precondition, budget), cancellationToken)
            : await _puts.RunAsync(user, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserInput, UserInput?> change, Precondition precondition, CancellationToken cancellationToken)
    {
        using var budget = _mongo.StartBudget(cancellationToken);
        while (true)
        {
            var current = await _mongo.RunAsync(isWrite: false, budget => FindAsync(id, budget.Token).AsTask(), budget);
            if (current is null || !precondition.IsSatisfiedBy(current.Version))
            {
                return new(current is null ? WriteOutcome.NotFound : WriteOutcome.PreconditionFailed);
            }

            if (change(current.Body) is not { } body)
            {
                return new(WriteOutcome.Invalid);
            }

            _indexes.RequireForWrite(body);

            // If this fails, another writer was faster: the change is applied to its result.
            var next = User.Create(id, body, _clock.GetUtcNow());
            var result = await _mongo.RunAsync(isWrite: true, budget => PutOneAsync(id, next, Precondition.Matches(current.Version), budget), budget);
            if (result.Outcome != WriteOutcome.PreconditionFailed)
            {
                return result;
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken) =>
        _mongo.RunAsync(isWrite: true, async budget =>
        {
            precondition = await _stored.WithStoredVersionAsync(id, precondition, budget);
            while (true)
            {
                // Not DeleteOne: the driver sends it as a bulk write, which has no maxTimeMS and fails with a different exception if a retry
                // finds no server.
                var (users, maxTime) = _mongo.Open().For(budget);
                var options = new FindOneAndDeleteOptions<User, BsonDocument> { Projection = s_idOnly, MaxTime = maxTime };
                if (await users.FindOneAndDeleteAsync(UserFilters.Existing(id, precondition), options, budget.Token) is not null)
                {
                    return new(WriteOutcome.Deleted);
                }

                var version = precondition.IsEmpty ? null : await _stored.FindVersionAsync(id, budget);
                if (version is null || !precondition.IsSatisfiedBy(version))
                {
                    return new WriteResult(version is null ? WriteOutcome.NotFound : WriteOutcome.PreconditionFailed);
                }
            }
        }, cancellationToken);

    /// <summary>
    /// Reads as callers read, so that it fails as they do: the command <c>ping</c> needs no role. The reason of the last failed write counts as well,
    /// if it lasts until somebody changes a setting.
    /// </summary>
    /// <param name="cancellationToken">Cancels the operation.</param>
    public async ValueTask PingAsync(CancellationToken cancellationToken)
    {
        await _mongo.RunAsync(
            isWrite: false,
            async budget =>
            {
                await _mongo.CheckCollationAsync(budget);
                await _stored.FindAsync([""], budget);
                await CountOtherIdAsync(budget);
            },
            cancellationToken);
        if (_mongo.LastWriteFault is { } reason)
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: false) { Reason = reason };
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _mongo.Dispose();

    /// <summary>
    /// Looks once for a document whose id is not a string: pages read only string ids, so a collection of another program
    /// would look empty without a warning.
    /// </summary>
    private async Task CountOtherIdAsync(OperationBudget budget)
    {
        if (_hasLookedForOtherIds)
        {
            return;
        }

        var (users, maxTime) = _mongo.Open().For(budget);
        var options = new FindOptions<User, BsonDocument> { Limit = 1, Projection = s_idOnly, MaxTime = maxTime };
        using var cursor = await users.FindAsync(s_otherIds, options, budget.Token);
        _unreadable.Add(await cursor.AnyAsync(budget.Token) ? 1 : 0);
        _hasLookedForOtherIds = true;
    }

    private async Task<WriteResult> PutOneAsync(UserId id, User user, Precondition precondition, OperationBudget budget)
    {
        precondition = await _stored.WithStoredVersionAsync(id, precondition, budget);
        var isUpsert = precondition.IfMatch is null;
        var isCreate = isUpsert && precondition.IfNoneMatch == EntityTagSet.Any;
        var members = UserBsonSerializer.Members(user);
        var update = isCreate ? UserBsonSerializer.Create(user, members) : UserBsonSerializer.Replace(user, members);
        var any = isUpsert ? UserFilters.Upserted(id, precondition) : UserFilters.Existing(id, precondition);
        var filter = isCreate ? any : UserFilters.Differing(any, members);
        for (var attempt = 1; ; attempt++)
        {
            var (users, maxTime) = _mongo.Open().For(budget);
            var options = new FindOneAndUpdateOptions<User, BsonDocument>
            {
                IsUpsert = isUpsert,
                ReturnDocument = ReturnDocument.Before,
                Projection = s_createdAt,
                MaxTime = maxTime,
            };
            WriteResult? refusal = null;
            try
            {
                var before = await users.FindOneAndUpdateAsync(filter, update, options, budget.Token);
                if (before is not null)
                {
                    return isCreate ? new(WriteOutcome.PreconditionFailed)
                        : new(WriteOutcome.Replaced, user.Version, user with { CreatedAt = UserBsonSerializer.CreatedAtOf(before) });
                }

                if (isUpsert)
                {
                    return new(WriteOutcome.Created, user.Version, user);
                }
            }
            catch (MongoCommandException e) when (MongoFailures.IsDuplicateKey(e.Code))
            {
                // An insert may collide with the user itself on another unique index as well as on _id.
                refusal = MongoFailures.Refusal(e.Code, e.Message);
            }
            catch (MongoCommandException e) when (MongoFailures.Refusal(e.Code, e.Message) is { } invalid)
            {
                return invalid;
            }

            if (!isCreate)
            {
                // The user has a state that the precondition excludes, or already has the new state, or another write came in
                // between (SERVER-14322).
                var stored = (await _stored.FindAsync([id.Value], budget)).GetValueOrDefault(id.Value);
                if (!precondition.IsSatisfiedBy(stored?.Version ?? await _stored.FindVersionAsync(id, budget)))
                {
                    return new(WriteOutcome.PreconditionFailed);
                }

                if (stored is not null && stored.Body.IsSameAs(user.Body))
                {
                    return new(WriteOutcome.Unchanged, stored.Version, stored);
                }

                // A document that is not a user may still have members that the server considers equal, such as an array that contains the same text.
                filter = stored is null ? any : filter;
            }

            if (refusal is { } conflict)
            {
                return conflict;
            }

            await MongoOperations.PauseAsync(attempt, budget);
        }
    }

    /// <summary>Finds users in one command.</summary>
    private ValueTask FindManyAsync(IReadOnlyList<RequestBatcher<string, User?>.Request> requests) =>
        _mongo.RunAsync(isWrite: false, async budget =>
        {
            var users = await _stored.FindAsync([.. requests.Select(request => request.Item)], budget);
            foreach (var request in requests)
            {
                request.SetResult(users.GetValueOrDefault(request.Item));
            }
        }, CancellationToken.None);
}
