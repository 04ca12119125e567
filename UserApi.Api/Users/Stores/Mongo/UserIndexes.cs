using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The indexes that users are found by, and what they index: the <see cref="SearchKeys"/> of a user, which the store keeps in the user's
/// document and shows to nobody. All of them end in <c>_id</c>, so that equal keys are in id order.
/// </summary>
/// <remarks>
/// Without all keys no search is answered: it would miss users. <see cref="StoredKeys"/> makes those that are missing or old.
/// </remarks>
/// <param name="mongo">Carries out commands.</param>
/// <param name="uniqueEmails">See <see cref="UserOptions.UniqueEmails"/>.</param>
/// <param name="clock">The time of writes.</param>
/// <param name="logger">Where progress goes.</param>
internal sealed class UserIndexes(MongoOperations mongo, bool uniqueEmails, TimeProvider clock, ILogger<MongoUserStore> logger)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(10);

    public static readonly string Email = $"{StoredKeys.Element}.email";
    public static readonly string Name = $"{StoredKeys.Element}.name";
    public static readonly string Attributes = $"{StoredKeys.Element}.attributes";

    /// <summary>The name of the index that keeps addresses unique.</summary>
    public static readonly string UniqueEmail = $"{IndexOf(Email)}_unique";

    private readonly StoredKeys _keys = new(mongo, clock, logger);

    private volatile bool _isReady;
    private volatile bool _isUnique;
    private bool _mayHaveUnique = !uniqueEmails;

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
    public async Task<TimeSpan> MakeAsync(CancellationToken cancellationToken)
    {
        string[] fields = [Name, Email, Attributes, UserBsonSerializer.CreatedAt, UserBsonSerializer.UpdatedAt];
        await RunAsync(users => users.Indexes.CreateManyAsync(fields.Select(field => Index(field)), cancellationToken), cancellationToken);
        if (_mayHaveUnique)
        {
            await DropUniqueAsync(cancellationToken);
            _mayHaveUnique = false;
        }

        var (made, refused) = await _keys.MakeMissingAsync(cancellationToken);
        var (renewed, refusedToo) = await _keys.RenewAsync(cancellationToken);

        // Whoever has written users without keys may still do so; and no search finds those that cannot have any.
        var areCurrent = made + refused + renewed == 0;
        _isReady &= areCurrent;
        var duplicates = Math.Max(refused, refusedToo); // some are in both
        if (uniqueEmails && (duplicates > 0 || !await MakeUniqueAsync(cancellationToken)))
        {
            throw new DuplicateEmailsException(Math.Max(duplicates, await CountDuplicatesAsync(cancellationToken)), HowToListDuplicates);
        }

        _isUnique = uniqueEmails;
        _isReady = areCurrent;
        return s_interval;
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
                Projection = new BsonDocument(StoredKeys.Element, 1),
            };
            using var addresses = await users.FindAsync(Builders<User>.Filter.Gte(Email, ""), options, cancellationToken);
            while (await addresses.MoveNextAsync(cancellationToken))
            {
                foreach (var address in addresses.Current.Select(document => document[StoredKeys.Element]["email"].AsString))
                {
                    repeats = address == last ? repeats + 1 : 0;
                    duplicates += repeats == 1 ? 1 : 0;
                    last = address;
                }
            }
        }, cancellationToken);
        return duplicates;
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
}
