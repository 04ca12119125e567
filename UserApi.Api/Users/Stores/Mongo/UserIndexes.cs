using System.Diagnostics;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The indexes that users are found by, and what they index: the <see cref="SearchKeys"/> of a user, which the store keeps in the user's
/// document and shows to nobody. All of them end in <c>_id</c>, so that equal keys are in id order.
/// </summary>
/// <remarks>
/// Documents of older versions of this program and of others have no keys. Each start makes those that are missing, and finds them by an index:
/// a document without the field is indexed as null. No search is answered before: it would miss users. A document whose user another program
/// changes later keeps the keys that it had until somebody removes them; see docs/mongodb.md.
/// </remarks>
/// <param name="mongo">Carries out commands.</param>
/// <param name="uniqueEmails">See <see cref="UserOptions.UniqueEmails"/>.</param>
/// <param name="logger">Where progress goes.</param>
internal sealed partial class UserIndexes(MongoOperations mongo, bool uniqueEmails, ILogger<MongoUserStore> logger)
{
    /// <summary>The element of the keys, with the version of what they are made by: a newer program makes its own beside it.</summary>
    public static readonly string Keys = $"search{SearchKeys.Version}";

    public static readonly string Email = $"{Keys}.email";
    public static readonly string Name = $"{Keys}.name";
    public static readonly string Attributes = $"{Keys}.attributes";

    /// <summary>The name of the index that keeps addresses unique.</summary>
    public static readonly string UniqueEmail = $"{IndexOf(Email)}_unique";

    private const int BatchSize = 100;

    private static readonly TimeSpan s_progress = TimeSpan.FromSeconds(10);

    private volatile bool _isReady;
    private volatile bool _isUnique;

    /// <summary>The keys of a user as its document has them.</summary>
    public static BsonDocument KeysOf(User user)
    {
        var keys = SearchKeys.Of(user.Body);
        return new BsonDocument("name", keys.Name)
            .Add("email", () => keys.Email, keys.Email is not null)
            .Add("attributes", () => new BsonArray(keys.Attributes), keys.Attributes.Count > 0);
    }

    /// <summary>The name of the index over a field and the id.</summary>
    public static string IndexOf(string field) => field == UserBsonSerializer.Id ? "_id_" : $"userapi_{field}";

    /// <exception cref="IndexNotReadyException">Indexes or keys are missing.</exception>
    public void RequireForSearch()
    {
        if (!_isReady)
        {
            throw new IndexNotReadyException();
        }
    }

    /// <exception cref="IndexNotReadyException">The user's address must be the only one, and nothing sees to that yet.</exception>
    public void RequireForWrite(UserInput body)
    {
        if (uniqueEmails && !_isUnique && body.Email is not null)
        {
            throw new IndexNotReadyException();
        }
    }

    /// <summary>Makes what is missing, see <see cref="IUserStore.MakeIndexesAsync"/>.</summary>
    public async Task MakeAsync(CancellationToken cancellationToken)
    {
        string[] fields = [Name, Email, Attributes, UserBsonSerializer.CreatedAt, UserBsonSerializer.UpdatedAt];
        await RunAsync(users => users.Indexes.CreateManyAsync(fields.Select(field => Index(field)), cancellationToken), cancellationToken);
        if (!uniqueEmails)
        {
            await DropUniqueAsync(cancellationToken);
        }

        var duplicates = await MakeKeysAsync(cancellationToken);
        if (uniqueEmails && (duplicates > 0 || !await MakeUniqueAsync(cancellationToken)))
        {
            throw new DuplicateEmailsException(Math.Max(duplicates, await CountDuplicatesAsync(cancellationToken)), HowToListDuplicates);
        }

        _isUnique = uniqueEmails;
        _isReady = true;
    }

    // Also those that have no keys, since the index is there already and refuses them.
    private static string HowToListDuplicates =>
        $"db.{MongoUsers.Name}.aggregate([{{$match: {{email: {{$type: \"string\"}}}}}}, "
        + $"{{$group: {{_id: {{$ifNull: [\"${Email}\", {{$toLower: \"$email\"}}]}}, ids: {{$push: \"$_id\"}}}}}}, "
        + "{$match: {\"ids.1\": {$exists: true}}}], {allowDiskUse: true})";

    private static CreateIndexModel<User> Index(string field) =>
        new(new BsonDocument { { field, 1 }, { UserBsonSerializer.Id, 1 } }, new() { Name = IndexOf(field) });

    private async Task DropUniqueAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RunAsync(users => users.Indexes.DropOneAsync(UniqueEmail, cancellationToken), cancellationToken);
        }
        catch (StoreUnavailableException e) when (e.InnerException is MongoCommandException failure && MongoFailures.IsMissingIndex(failure.Code))
        {
            // So it was, nearly always.
        }
    }

    /// <returns>Whether all addresses are unique.</returns>
    private async Task<bool> MakeUniqueAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Sparse: any number of users have no address.
            var index = new CreateIndexModel<User>(new BsonDocument(Email, 1), new() { Name = UniqueEmail, Unique = true, Sparse = true });
            await RunAsync(users => users.Indexes.CreateOneAsync(index, cancellationToken: cancellationToken), cancellationToken);
            return true;
        }
        catch (StoreUnavailableException e) when (e.InnerException is MongoCommandException failure && MongoFailures.IsDuplicateKey(failure.Code))
        {
            return false;
        }
    }

    private async Task<int> CountDuplicatesAsync(CancellationToken cancellationToken)
    {
        var (duplicates, last, repeats) = (0, "", 0);
        await RunAsync(async users =>
        {
            var options = new FindOptions<User, BsonDocument>
            {
                Hint = IndexOf(Email),
                Sort = new BsonDocument { { Email, 1 }, { UserBsonSerializer.Id, 1 } },
                Projection = new BsonDocument(Keys, 1),
            };
            using var addresses = await users.FindAsync(Builders<User>.Filter.Gte(Email, ""), options, cancellationToken);
            while (await addresses.MoveNextAsync(cancellationToken))
            {
                foreach (var address in addresses.Current.Select(document => document[Keys]["email"].AsString))
                {
                    repeats = address == last ? repeats + 1 : 0;
                    duplicates += repeats == 1 ? 1 : 0;
                    last = address;
                }
            }
        }, cancellationToken);
        return duplicates;
    }

    /// <summary>Makes the keys of all documents that have none, and their times where they have none, in steps that are each complete.</summary>
    /// <returns>How many documents cannot have keys because their address is taken.</returns>
    private async Task<int> MakeKeysAsync(CancellationToken cancellationToken)
    {
        var (done, duplicates, last, progress) = (0, 0, "", Stopwatch.GetTimestamp());
        while (true)
        {
            var documents = await mongo.RunAsync(isWrite: false, budget => ReadWithoutKeysAsync(last, budget), cancellationToken);
            if (documents.Count > 0)
            {
                var (made, refused) = await mongo.RunAsync(isWrite: true, budget => MakeKeysAsync(documents, budget), cancellationToken);
                (done, duplicates, last) = (done + made, duplicates + refused, documents[^1][UserBsonSerializer.Id].AsString);
            }

            if (documents.Count < BatchSize)
            {
                if (done > 0)
                {
                    LogDone(done);
                }

                return duplicates;
            }

            if (done == BatchSize)
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

    private async Task<List<BsonDocument>> ReadWithoutKeysAsync(string after, OperationBudget budget)
    {
        var (users, maxTime) = mongo.Open().For(budget);

        // One point of the index, {name: null}, in id order (mongod, index_bounds_builder.cpp: "{$exists:false} is a point-interval on [null,null]").
        var filter = Builders<User>.Filter.Exists(Name, exists: false) & Builders<User>.Filter.Gt(UserBsonSerializer.Id, after);
        var options = new FindOptions<User, BsonDocument>
        {
            Hint = IndexOf(Name),
            Sort = new BsonDocument(UserBsonSerializer.Id, 1),
            Limit = BatchSize,
            MaxTime = maxTime,
            Projection = Builders<User>.Projection.As<BsonDocument>(),
        };
        using var cursor = await users.FindAsync(filter, options, budget.Token);
        return await cursor.ToListAsync(budget.Token);
    }

    private async Task<(int Made, int Refused)> MakeKeysAsync(List<BsonDocument> documents, OperationBudget budget)
    {
        var updates = documents
            .Select(document => (Document: document, User: BsonSerializer.Deserialize<User>(document)))
            .Where(each => each.User is not null)
            .Select(each => new UpdateOneModel<User>(WithoutKeys(each.User.Id), new BsonDocument("$set", Missing(each.Document, each.User))))
            .ToList();
        if (updates.Count == 0)
        {
            return default;
        }

        try
        {
            await mongo.Open().For(budget).Users.BulkWriteAsync(updates, new BulkWriteOptions { IsOrdered = false }, budget.Token);
            return (updates.Count, 0);
        }
        catch (MongoBulkWriteException<User> e) when (e.WriteConcernError is null && e.WriteErrors.All(error => MongoFailures.IsDuplicateKey(error.Code)))
        {
            return (updates.Count - e.WriteErrors.Count, e.WriteErrors.Count);
        }

        // Whoever has written the user meanwhile has made its keys.
        static FilterDefinition<User> WithoutKeys(string id) => UserFilters.ById(id) & Builders<User>.Filter.Exists(Name, exists: false);

        static BsonDocument Missing(BsonDocument document, User user) => new BsonDocument(Keys, KeysOf(user))
            .Add(UserBsonSerializer.CreatedAt, user.CreatedAt, !document.Contains(UserBsonSerializer.CreatedAt))
            .Add(UserBsonSerializer.UpdatedAt, user.UpdatedAt, !document.Contains(UserBsonSerializer.UpdatedAt));
    }

    /// <summary>Carries out a command that takes as long as there are users.</summary>
    private async Task RunAsync(Func<IMongoCollection<User>, Task> command, CancellationToken cancellationToken)
    {
        using var budget = mongo.StartBudget(cancellationToken);
        try
        {
            await mongo.RunAsync(
                isWrite: false,
                async _ =>
                {
                    await command(mongo.Open().For(budget).Users.WithWriteConcern(WriteConcern.WMajority));
                    return true;
                },
                budget);
        }
        catch (StoreUnavailableException e) when (e.InnerException is MongoCommandException failure && MongoFailures.IsForbidden(failure.Code))
        {
            throw new StoreUnavailableException(mayHaveBeenApplied: false, failure)
            {
                Reason = $"The database user may not make indexes on the collection {MongoUsers.Name}. Give it the role readWrite on its database.",
            };
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Users of an older version, or of another program, have no index keys. They are being made; searches are answered when all have them.")]
    private partial void LogStarted();

    [LoggerMessage(2, LogLevel.Information, "Index keys are being made: {Count} users have them now.")]
    private partial void LogProgress(int count);

    [LoggerMessage(3, LogLevel.Information, "Index keys were made for {Count} users.")]
    private partial void LogDone(int count);
}
