using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Finds single users.</summary>
/// <param name="mongo">Carries out the commands.</param>
/// <param name="unreadable">Counts documents that are not users.</param>
internal sealed class StoredUsers(MongoOperations mongo, UnreadableUsers unreadable)
{
    // Stands for the version of a document that has none; it cannot be an entity tag.
    private const string NoVersion = "\0";

    private static readonly ProjectionDefinition<User, BsonDocument> s_version = Builders<User>.Projection.Include(UserBsonSerializer.Version);

    /// <summary>Finds users in one command, by id; without those that are not there or cannot be read.</summary>
    public async Task<Dictionary<string, User>> FindAsync(IReadOnlyList<string> ids, OperationBudget budget)
    {
        var (users, maxTime) = mongo.Open().For(budget);
        var filter = ids.Count == 1 ? UserFilters.ById(ids[0]) : Builders<User>.Filter.In(UserBsonSerializer.Id, ids.Distinct());
        using var cursor = await users.FindAsync(filter, new() { MaxTime = maxTime }, budget.Token);
        var found = await cursor.ToListAsync(budget.Token);
        unreadable.Add(found.Count(user => user is null));
        return found.OfType<User>().ToDictionary(user => user.Id);
    }

    /// <summary>The version of a user as it is stored; null when there is no such user.</summary>
    public async Task<string?> FindVersionAsync(UserId id, OperationBudget budget)
    {
        var document = await FindVersionDocumentAsync(id, budget);
        return document is null ? null : UserBsonSerializer.IsVersion(VersionOf(document)) ? VersionOf(document).AsString : NoVersion;
    }

    /// <summary>
    /// Sets the version of a document that another program wrote without one, if a precondition contains the version of its content, which no filter can find. The
    /// document as it was at that moment shows whether the precondition matches; if so, the precondition contains the new version from now on.
    /// </summary>
    public async Task<Precondition> WithStoredVersionAsync(UserId id, Precondition precondition, OperationBudget budget)
    {
        if (!UserBsonSerializer.NamesContent(precondition) || await FindVersionDocumentAsync(id, budget) is not { } document
            || UserBsonSerializer.IsVersion(VersionOf(document)))
        {
            return precondition;
        }

        var (users, maxTime) = mongo.Open().For(budget);
        var version = User.NewVersion();
        var before = await users.FindOneAndUpdateAsync(
            UserFilters.ById(id.Value) & Builders<User>.Filter.Eq(UserBsonSerializer.Version, VersionOf(document)),
            Builders<User>.Update.Set(UserBsonSerializer.Version, version).Set(StoredKeys.MadeOf, version),
            new FindOneAndUpdateOptions<User> { ReturnDocument = ReturnDocument.Before, MaxTime = maxTime },
            budget.Token);
        return before is null ? precondition : precondition.Rename(before.Version, version);
    }

    private async Task<BsonDocument?> FindVersionDocumentAsync(UserId id, OperationBudget budget)
    {
        var (users, maxTime) = mongo.Open().For(budget);
        var options = new FindOptions<User, BsonDocument> { Limit = 1, Projection = s_version, MaxTime = maxTime };
        using var cursor = await users.FindAsync(UserFilters.ById(id.Value), options, budget.Token);
        return await cursor.FirstOrDefaultAsync(budget.Token);
    }

    private static BsonValue VersionOf(BsonDocument document) => document.GetValue(UserBsonSerializer.Version, BsonNull.Value);
}
