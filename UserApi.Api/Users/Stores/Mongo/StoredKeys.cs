using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The <see cref="SearchKeys"/> that each document has beside the user, and the version of the user that they were made of. Every write of this
/// program makes them; here they are made for documents that other programs and earlier versions of this one have written.
/// </summary>
/// <param name="mongo">Carries out commands.</param>
/// <param name="clock">The time of writes.</param>
/// <param name="logger">Where progress goes.</param>
internal sealed partial class StoredKeys(MongoOperations mongo, TimeProvider clock, ILogger<MongoUserStore> logger)
{
    /// <summary>The element of the keys, with the version of what they are made by: a newer program makes its own beside it.</summary>
    public static readonly string Element = $"search{SearchKeys.Version}";

    /// <summary>The version of the user that the keys were made of; missing if the document had none.</summary>
    public static readonly string MadeOf = $"{Element}.{UserBsonSerializer.Version}";

    private const int StepSize = 100;
    private const int RecentStepSize = 1_000;

    private static readonly TimeSpan s_progress = TimeSpan.FromSeconds(10);

    // How much the clocks of two instances may differ, and how long a write may be on its way.
    private static readonly TimeSpan s_overlap = TimeSpan.FromSeconds(10);

    // The same for instances that ended before this one started: an older one may have written beside them until the end.
    private static readonly TimeSpan s_overlapWithOthers = TimeSpan.FromMinutes(10);

    private static readonly BsonDocument s_versions = new()
    {
        { UserBsonSerializer.UpdatedAt, 1 }, { UserBsonSerializer.Version, 1 }, { Element, 1 },
    };

    private DateTime? _checkedSince;

    /// <summary>The keys of a user as its document has them.</summary>
    /// <param name="user">The user.</param>
    public static BsonDocument Of(User user) => Of(user, user.Version);

    /// <summary>Makes the keys of all documents that have none, and their times where they have none, in steps that are each complete.</summary>
    /// <returns>How many documents have got keys, and how many cannot have any because their address is taken.</returns>
    public async Task<(int Made, int Refused)> MakeMissingAsync(CancellationToken cancellationToken)
    {
        var (done, duplicates, last, progress) = (0, 0, "", Stopwatch.GetTimestamp());
        while (true)
        {
            var documents = await mongo.RunAsync(isWrite: false, budget => ReadWithoutKeysAsync(last, budget), cancellationToken);
            if (documents.Count > 0)
            {
                var (made, refused) = await mongo.RunAsync(isWrite: true, budget => MakeMissingAsync(documents, budget), cancellationToken);
                (done, duplicates, last) = (done + made, duplicates + refused, documents[^1][UserBsonSerializer.Id].AsString);
            }

            if (documents.Count < StepSize)
            {
                if (done > 0)
                {
                    LogDone(done);
                }

                return (done, duplicates);
            }

            if (done == StepSize)
            {
                LogStarted();
            }
            else if (Stopwatch.GetElapsedTime(progress) > s_progress)
            {
                LogProgress(done);
                progress = Stopwatch.GetTimestamp();
            }
        }
    }

    /// <summary>
    /// Makes the keys anew of users that an earlier version of this program has written, which keeps the keys as they were: during a rollout, or after a
    /// return to that version. Every version sets a new version and <c>updatedAt</c> with each write, so the users are looked at from the last
    /// updated one back to where everything has been checked before.
    /// </summary>
    /// <returns>How many users had old keys, and how many of them cannot have new ones because their address is taken.</returns>
    public async Task<(int Count, int Refused)> RenewAsync(CancellationToken cancellationToken)
    {
        var (start, since, count, refused) = (clock.GetUtcNow().UtcDateTime, _checkedSince, 0, 0);
        UserPosition? last = null;
        do
        {
            var recent = await mongo.RunAsync(isWrite: false, budget => ReadRecentAsync(last, budget), cancellationToken);
            since ??= recent.Find(IsCurrent) is { } current ? UserBsonSerializer.UpdatedAtOf(current) - s_overlapWithOthers : null;
            foreach (var old in recent.Where(document => !IsCurrent(document)).Chunk(StepSize))
            {
                var step = await mongo.RunAsync(isWrite: true, budget => RenewAsync(old, budget), cancellationToken);
                (count, refused) = (count + step.Count, refused + step.Refused);
            }

            last = recent.Count < RecentStepSize ? null : new(recent[^1][UserBsonSerializer.Id].AsString, Time: UserBsonSerializer.UpdatedAtOf(recent[^1]));
        }
        while (last is not null && !(last.Time < since));

        // Those that were refused are looked for again.
        _checkedSince = refused > 0 ? since : start - s_overlap;
        if (count > 0)
        {
            LogRenewed(count);
        }

        return (count, refused);
    }

    private async Task<List<BsonDocument>> ReadWithoutKeysAsync(string after, OperationBudget budget)
    {
        var (users, maxTime) = mongo.Open().For(budget);

        // One point of the index, {name: null}, in id order (mongod, index_bounds_builder.cpp: "{$exists:false} is a point-interval on [null,null]").
        var filter = Builders<User>.Filter.Exists(UserIndexes.Name, exists: false) & Builders<User>.Filter.Gt(UserBsonSerializer.Id, after);
        var options = new FindOptions<User, BsonDocument>
        {
            Hint = UserIndexes.IndexOf(UserIndexes.Name),
            Sort = new BsonDocument(UserBsonSerializer.Id, 1),
            Limit = StepSize,
            MaxTime = maxTime,
            Projection = Builders<User>.Projection.As<BsonDocument>(),
        };
        using var cursor = await users.FindAsync(filter, options, budget.Token);
        return await cursor.ToListAsync(budget.Token);
    }

    private async Task<(int Made, int Refused)> MakeMissingAsync(List<BsonDocument> documents, OperationBudget budget)
    {
        return await WriteAsync(
            documents
                .Select(document => (Document: document, User: BsonSerializer.Deserialize<User>(document)))
                .Where(each => each.User is not null)
                .Select(each => new UpdateOneModel<User>(WithoutKeys(each.User.Id), new BsonDocument("$set", Missing(each.Document, each.User)))),
            budget);

        // Whoever has written the user meanwhile has made its keys.
        static FilterDefinition<User> WithoutKeys(string id) => UserFilters.ById(id) & Builders<User>.Filter.Exists(UserIndexes.Name, exists: false);

        static BsonDocument Missing(BsonDocument document, User user) => new BsonDocument(Element, Of(user, VersionOf(document)))
            .Add(UserBsonSerializer.CreatedAt, user.CreatedAt, !document.Contains(UserBsonSerializer.CreatedAt))
            .Add(UserBsonSerializer.UpdatedAt, user.UpdatedAt, !document.Contains(UserBsonSerializer.UpdatedAt));
    }

    /// <summary>Reads the versions of the users that were updated last, before a position.</summary>
    private Task<List<BsonDocument>> ReadRecentAsync(UserPosition? before, OperationBudget budget) => IndexRange.All(UserOrder.UpdatedAt).ReadAsync<BsonDocument>(
        mongo, before, isDescending: true, RecentStepSize, s_versions, budget, Builders<User>.Filter.Gte(UserBsonSerializer.Id, ""));

    private async Task<(int Count, int Refused)> RenewAsync(IReadOnlyList<BsonDocument> old, OperationBudget budget)
    {
        var (users, maxTime) = mongo.Open().For(budget);
        var filter = Builders<User>.Filter.In(UserBsonSerializer.Id, old.Select(document => document[UserBsonSerializer.Id]));
        using var cursor = await users.FindAsync(filter, new FindOptions<User, BsonDocument> { MaxTime = maxTime, Projection = Builders<User>.Projection.As<BsonDocument>() }, budget.Token);
        var documents = (await cursor.ToListAsync(budget.Token)).Where(document => !IsCurrent(document));
        var (made, refused) = await WriteAsync(
            documents
                .Select(document => (Version: VersionOf(document), User: BsonSerializer.Deserialize<User>(document)))
                .Where(each => each.User is not null)
                .Select(each => new UpdateOneModel<User>(
                    UserFilters.ById(each.User.Id) & Builders<User>.Filter.Eq(UserBsonSerializer.Version, each.Version),
                    new BsonDocument("$set", new BsonDocument(Element, Of(each.User, each.Version))))),
            budget);
        return (made + refused, refused);
    }

    private async Task<(int Made, int Refused)> WriteAsync(IEnumerable<UpdateOneModel<User>> updates, OperationBudget budget)
    {
        UpdateOneModel<User>[] all = [.. updates];
        if (all.Length == 0)
        {
            return default;
        }

        try
        {
            await mongo.Open().For(budget).Users.BulkWriteAsync(all, new BulkWriteOptions { IsOrdered = false }, budget.Token);
            return (all.Length, 0);
        }
        catch (MongoBulkWriteException<User> e) when (e.WriteConcernError is null && e.WriteErrors.All(error => MongoFailures.IsDuplicateKey(error.Code)))
        {
            return (all.Length - e.WriteErrors.Count, e.WriteErrors.Count);
        }
    }

    private static BsonDocument Of(User user, BsonValue version)
    {
        var keys = SearchKeys.Of(user.Body);
        return new BsonDocument("name", keys.Name)
            .Add("email", () => keys.Email, keys.Email is not null)
            .Add("attributes", () => new BsonArray(keys.Attributes), keys.Attributes.Count > 0)
            .Add(UserBsonSerializer.Version, version, !version.IsBsonNull);
    }

    private static BsonValue VersionOf(BsonDocument document) => document.GetValue(UserBsonSerializer.Version, BsonNull.Value);

    private static bool IsCurrent(BsonDocument document) =>
        document.GetValue(Element, BsonNull.Value) is BsonDocument keys && VersionOf(keys).Equals(VersionOf(document));

    [LoggerMessage(1, LogLevel.Information, "Users of an earlier version, or of another program, have no index keys. The keys are being made; until then, searches are 503.")]
    private partial void LogStarted();

    [LoggerMessage(2, LogLevel.Information, "Index keys are being made: {Count} users have them now.")]
    private partial void LogProgress(int count);

    [LoggerMessage(3, LogLevel.Information, "Index keys were made for {Count} users.")]
    private partial void LogDone(int count);

    [LoggerMessage(4, LogLevel.Information, "An earlier version of this program has written {Count} users, whose index keys were made anew. Until it has ended, searches are 503.")]
    private partial void LogRenewed(int count);
}
