using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>A part of an index: the users with one key, in id order, or those with keys between two, in the order of the keys.</summary>
/// <param name="Field">The field that is indexed, before the id.</param>
/// <param name="Order">The order of users in it.</param>
/// <param name="From">The least key; of ids, a greater one.</param>
/// <param name="To">What keys must be less than; null for no limit, and <paramref name="From"/> itself for that key only.</param>
internal sealed record IndexRange(string Field, UserOrder Order, BsonValue From, BsonValue? To)
{
    // Comparisons hold within a type only (MongoDB's manual, "Type Bracketing in Query Predicates"): all texts, all times.
    private static readonly BsonString s_leastText = BsonString.Empty;
    private static readonly BsonDateTime s_leastTime = new(DateTime.MinValue);

    /// <summary>The name of the index.</summary>
    public string Index => UserIndexes.IndexOf(Field);

    /// <summary>All users in an order.</summary>
    public static IndexRange All(UserOrder order) => order switch
    {
        UserOrder.Name => new(UserIndexes.Name, order, s_leastText, null),
        UserOrder.CreatedAt => new(UserBsonSerializer.CreatedAt, order, s_leastTime, null),
        UserOrder.UpdatedAt => new(UserBsonSerializer.UpdatedAt, order, s_leastTime, null),
        _ => new(UserBsonSerializer.Id, order, s_leastText, null),
    };

    /// <summary>The ranges of a query's conditions, those first that are likely to leave the fewest users.</summary>
    public static IReadOnlyList<IndexRange> Of(UserQuery query)
    {
        var ranges = new List<IndexRange>();
        if (query.EmailKey is { } email)
        {
            ranges.Add(new(UserIndexes.Email, UserOrder.Id, email, email));
        }

        ranges.AddRange(query.AttributeKeys.Select(key => new IndexRange(UserIndexes.Attributes, UserOrder.Id, key, key)));
        if (query.NameKey is { } name)
        {
            ranges.Add(new(UserIndexes.Name, UserOrder.Name, name, SearchKeys.EndOf(name)));
        }

        if (query.UpdatedSince is { } since)
        {
            ranges.Add(new(UserBsonSerializer.UpdatedAt, UserOrder.UpdatedAt, since, null));
        }

        return ranges;
    }

    /// <summary>
    /// The users behind a position, as one or two filters to be read one after the other, each of which is one interval of the index: those with
    /// the position's own key and those behind it. A filter of both would have to look at all users with that key.
    /// </summary>
    /// <param name="after">The position; null for the start.</param>
    /// <param name="isDescending">Whether the greatest come first.</param>
    public IEnumerable<(BsonDocument Filter, BsonDocument Sort)> Behind(UserPosition? after, bool isDescending)
    {
        var direction = isDescending ? -1 : 1;
        var byId = new BsonDocument(UserBsonSerializer.Id, direction);
        var behindId = after is null ? null : new BsonDocument(isDescending ? "$lt" : "$gt", after.Id);
        if (Field == UserBsonSerializer.Id)
        {
            yield return (new(UserBsonSerializer.Id, behindId ?? new BsonDocument("$gte", s_leastText)), byId);
        }
        else if (To == From)
        {
            yield return (new BsonDocument(Field, From).Add(UserBsonSerializer.Id, behindId, behindId is not null), byId);
        }
        else
        {
            var keys = new BsonDocument("$gte", From).Add("$lt", To, To is not null);
            if (after is not null)
            {
                BsonValue key = Order == UserOrder.Name ? after.Name : after.Time;
                yield return (new() { { Field, key }, { UserBsonSerializer.Id, behindId } }, byId);
                if (isDescending)
                {
                    keys.Set("$lt", key);
                }
                else
                {
                    keys.Remove("$gte");
                    keys.Set("$gt", key);
                }
            }

            yield return (new(Field, keys), new() { { Field, direction }, { UserBsonSerializer.Id, direction } });
        }
    }

    /// <summary>Reads what is behind a position, in the order of the index.</summary>
    /// <param name="mongo">Carries out the commands.</param>
    /// <param name="after">The position; null for the start.</param>
    /// <param name="isDescending">Whether the greatest come first.</param>
    /// <param name="count">The maximum number of documents.</param>
    /// <param name="projection">What to read of each.</param>
    /// <param name="budget">The time limit.</param>
    /// <param name="condition">What must also hold.</param>
    public async Task<List<T>> ReadAsync<T>(
        MongoOperations mongo,
        UserPosition? after,
        bool isDescending,
        int count,
        ProjectionDefinition<User, T> projection,
        OperationBudget budget,
        FilterDefinition<User>? condition = null)
    {
        var found = new List<T>();
        foreach (var (filter, sort) in Behind(after, isDescending))
        {
            var (users, maxTime) = mongo.Open().For(budget);
            var options = new FindOptions<User, T>
            {
                Hint = Index,
                Sort = sort,
                Limit = count - found.Count,
                BatchSize = count,
                MaxTime = maxTime,
                Projection = projection,
            };
            using var cursor = await users.FindAsync(condition is null ? filter : filter & condition, options, budget.Token);
            found.AddRange(await cursor.ToListAsync(budget.Token));
            if (found.Count == count)
            {
                break;
            }
        }

        return found;
    }
}
