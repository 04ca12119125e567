using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// Finds users: reads their places from one index, <see cref="UserQuery.MaxExamined"/> at the most, and then those that are asked for. Which index is
/// said to the server, so that a search is never one over the whole collection.
/// </summary>
/// <remarks>
/// If one of the conditions leaves few users, all of these are read and put in order. Otherwise an index in the order that is asked for is
/// walked from the place where the page before ended. A place stays where it is when its user changes or goes, so no other user repeats or vanishes.
/// </remarks>
/// <param name="mongo">Carries out commands.</param>
/// <param name="findAsync">Finds users by their ids.</param>
/// <param name="indexes">The indexes.</param>
internal sealed class UserSearch(
    MongoOperations mongo, Func<IReadOnlyList<string>, OperationBudget, Task<Dictionary<string, User>>> findAsync, UserIndexes indexes)
{
    // The size of a user, as far as it is known; any number of threads write it.
    private volatile int _meanBytes = UserPage.MaxBytes / UserQuery.DefaultLimit;

    /// <summary>Reads a page.</summary>
    /// <exception cref="IndexNotReadyException">Indexes are missing.</exception>
    public async Task<UserPage> ReadAsync(UserQuery query, OperationBudget budget)
    {
        if (query.HasConditions || query.Order != UserOrder.Id)
        {
            indexes.RequireForSearch();
        }

        var conditions = IndexRange.Of(query);
        var (places, next) = conditions is not [] && !(conditions is [var only] && only.Order == query.Order)
            && await ReadFewAsync(query, conditions, UserQuery.MaxExamined, budget) is { } few
                ? Cut(query, few.Where(place => place.IsBehind(query.After, query)))
                : await WalkAsync(query, conditions, budget);
        var page = await ReadUsersAsync(query, places, next, budget);
        if (!query.Count)
        {
            return page;
        }

        var (total, isLowerBound) = await CountAsync(query, conditions, budget);
        return page with { Total = total, TotalIsLowerBound = isLowerBound ? true : null };
    }

    /// <summary>Reads all places of the first condition that leaves no more than <paramref name="most"/>; null if none does.</summary>
    /// <returns>The places of the users that may be asked for, in order.</returns>
    private async Task<List<UserPlace>?> ReadFewAsync(UserQuery query, IReadOnlyList<IndexRange> conditions, int most, OperationBudget budget)
    {
        foreach (var condition in conditions)
        {
            var places = await ReadPlacesAsync(condition, null, isDescending: false, most + 1, budget);
            if (places.Count <= most)
            {
                return [.. places.Where(place => place.MayMatch(query)).Order(UserPlace.By(query))];
            }
        }

        return null;
    }

    /// <summary>Walks an index in the order that is asked for.</summary>
    private async Task<(List<UserPlace> Places, UserPosition? Next)> WalkAsync(UserQuery query, IReadOnlyList<IndexRange> conditions, OperationBudget budget)
    {
        var range = conditions.FirstOrDefault(condition => condition.Order == query.Order) ?? IndexRange.All(query.Order);
        var isFiltered = conditions.Count > (conditions.Contains(range) ? 1 : 0);
        var count = isFiltered ? UserQuery.MaxExamined : query.Limit + 1;
        var after = query.After;
        while (true)
        {
            var places = await ReadPlacesAsync(range, after, query.IsDescending, count, budget);
            var page = Cut(query, places.Where(place => place.MayMatch(query)));
            if (places.Count < count || page.Next is not null)
            {
                return page;
            }

            // An id of another program may be none that a client can send back.
            var last = places.FindLast(place => query.Order != UserOrder.Id || UserId.TryParse(place.Id, out _, out _));
            if (last is not null)
            {
                return (page.Places, last.PositionIn(query.Order));
            }

            after = places[^1].PositionIn(query.Order);
        }
    }

    private static (List<UserPlace> Places, UserPosition? Next) Cut(UserQuery query, IEnumerable<UserPlace> places)
    {
        // A user that is written meanwhile may be met in two places of the index.
        var found = places.DistinctBy(place => place.Id).Take(query.Limit + 1).ToList();
        return found.Count <= query.Limit ? (found, null) : (found[..^1], found[^2].PositionIn(query.Order));
    }

    /// <summary>Reads places of an index in its order.</summary>
    private Task<List<UserPlace>> ReadPlacesAsync(IndexRange range, UserPosition? after, bool isDescending, int count, OperationBudget budget) =>
        range.ReadAsync(mongo, after, isDescending, count, UserPlace.Projection, budget);

    /// <summary>Reads the users of some places until a page is full.</summary>
    private async Task<UserPage> ReadUsersAsync(UserQuery query, List<UserPlace> places, UserPosition? next, OperationBudget budget)
    {
        var page = new List<User>();
        var bytesLeft = UserPage.MaxBytes;
        for (var i = 0; i < places.Count;)
        {
            var chunk = places[i..Math.Min(places.Count, i + (Math.Max(bytesLeft, 0) / _meanBytes) + 1)];
            var users = await findAsync([.. chunk.Select(place => place.Id)], budget);
            if (users.Count > 0)
            {
                // Greater users count at once, smaller ones by halves, as in a list of all users.
                var mean = users.Values.Sum(user => user.TextLength) / users.Count;
                _meanBytes = Math.Max(1, mean > _meanBytes ? mean : (_meanBytes + mean) / 2);
            }

            foreach (var place in chunk)
            {
                // It may be gone or changed since its place was read, or have a key of two meanings.
                if (users.TryGetValue(place.Id, out var user) && query.Matches(user))
                {
                    // The first user of a page costs nothing, so that every user is on some page.
                    bytesLeft -= page.Count == 0 ? 0 : user.TextLength;
                    if (bytesLeft < 0)
                    {
                        return new(page, places[i - 1].PositionIn(query.Order).ToText(query.Order));
                    }

                    page.Add(user);
                }

                i++;
            }
        }

        return new(page, next?.ToText(query.Order));
    }

    private async Task<(int Total, bool IsLowerBound)> CountAsync(UserQuery query, IReadOnlyList<IndexRange> conditions, OperationBudget budget)
    {
        if (conditions.Count <= 1)
        {
            var range = conditions.Count == 1 ? conditions[0] : IndexRange.All(UserOrder.Id);
            var (users, maxTime) = mongo.Open().For(budget);
            var options = new CountOptions { Hint = range.Index, Limit = UserQuery.MaxTotal + 1, MaxTime = maxTime };
            var count = (int)await users.CountDocumentsAsync(range.Behind(null, isDescending: false).Single().Filter, options, budget.Token);
            return (Math.Min(count, UserQuery.MaxTotal), count > UserQuery.MaxTotal);
        }

        if (await ReadFewAsync(query, conditions, UserQuery.MaxTotal, budget) is { } few)
        {
            return (few.Count, false);
        }

        var places = await ReadPlacesAsync(conditions[0], null, isDescending: false, UserQuery.MaxTotal, budget);
        return (places.Count(place => place.MayMatch(query)), true);
    }
}
