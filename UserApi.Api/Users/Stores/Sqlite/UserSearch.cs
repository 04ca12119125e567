using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>
/// Finds users: reads one index, <see cref="UserQuery.MaxExamined"/> places of it at the most, and of these the users that are asked for. Which index
/// is said to SQLite, so that a search is never one through all users.
/// </summary>
/// <remarks>
/// If one of the conditions leaves few users, all of these are read and put in order. Otherwise an index in the order that is asked for is
/// walked from the place where the page before ended.
/// </remarks>
/// <param name="connection">The connection.</param>
/// <param name="find">Finds a user by its id.</param>
internal sealed class UserSearch(SqliteConnection connection, Func<string, User?> find) : IDisposable
{
    private const string Columns = "s.id, s.email_key, s.name_key, s.created_at, s.updated_at, s.attribute_keys";

    private readonly SqliteStatement _begin = new(connection, "BEGIN");
    private readonly SqliteStatement _commit = new(connection, "COMMIT");

    // There are as many texts as there are kinds of queries.
    private readonly Dictionary<string, SqliteStatement> _statements = [];

    /// <summary>Reads a page.</summary>
    public UserPage Read(UserQuery query)
    {
        // One state of the file for all that is read.
        _begin.Execute();
        try
        {
            var conditions = SearchRange.Of(query);
            var page = query.HasConditions || query.Order != UserOrder.Id ? ReadByIndex(query, conditions) : ReadById(query);
            if (!query.Count)
            {
                return page;
            }

            var (total, isLowerBound) = Count(query, conditions);
            return page with { Total = total, TotalIsLowerBound = isLowerBound ? true : null };
        }
        finally
        {
            _commit.Execute();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var statement in (IEnumerable<SqliteStatement>)[_begin, _commit, .. _statements.Values])
        {
            statement.Dispose();
        }
    }

    /// <summary>Walks all users in id order, which needs no index but that by id.</summary>
    private UserPage ReadById(UserQuery query)
    {
        var page = new PageBuilder(query.Limit);
        foreach (var row in Rows(SearchRange.Users.Select("s.id", query.After, UserOrder.Id, query.IsDescending)))
        {
            if (find(row.Text(0)!) is { } user && !page.TryAdd(user))
            {
                return new(page.Users, page.Users[^1].Id);
            }
        }

        return new(page.Users, null);
    }

    private UserPage ReadByIndex(UserQuery query, IReadOnlyList<SearchRange> conditions)
    {
        var few = conditions is [var only] && only.Order == query.Order
            ? null
            : conditions.FirstOrDefault(condition => CountOf(condition, UserQuery.MaxExamined + 1) <= UserQuery.MaxExamined);
        var range = few ?? conditions.FirstOrDefault(condition => condition.Order == query.Order) ?? SearchRange.All(query.Order);

        var page = new PageBuilder(query.Limit);
        UserPosition? last = null;
        var examined = 0;
        foreach (var row in Rows(range.Select(Columns, query.After, query.Order, query.IsDescending)))
        {
            // There is one more than may be looked at.
            if (examined++ == UserQuery.MaxExamined)
            {
                return new(page.Users, last!.ToText(query.Order));
            }

            var place = Place.Read(row);
            if (query.MayMatch(place.Keys, place.UpdatedAt) && find(place.Id) is { } user && query.Matches(user) && !page.TryAdd(user))
            {
                return new(page.Users, last!.ToText(query.Order));
            }

            last = UserPosition.Of(query.Order, place.Id, place.Keys.Name, place.CreatedAt, place.UpdatedAt);
        }

        return new(page.Users, null);
    }

    private (int Total, bool IsLowerBound) Count(UserQuery query, IReadOnlyList<SearchRange> conditions)
    {
        if (conditions.Count <= 1)
        {
            var count = CountOf(conditions.Count == 1 ? conditions[0] : SearchRange.Users, UserQuery.MaxTotal + 1);
            return (Math.Min(count, UserQuery.MaxTotal), count > UserQuery.MaxTotal);
        }

        var few = conditions.FirstOrDefault(condition => CountOf(condition, UserQuery.MaxTotal + 1) <= UserQuery.MaxTotal);
        var range = few ?? conditions[0];
        var matching = Rows(range.Select(Columns, null, range.Order, isDescending: false)).Take(UserQuery.MaxTotal)
            .Select(Place.Read).Count(place => query.MayMatch(place.Keys, place.UpdatedAt));
        return (matching, few is null);
    }

    /// <summary>How many users a range has, up to <paramref name="most"/>.</summary>
    private int CountOf(SearchRange range, int most) => Rows(range.Count(most)).Select(row => (int)row.Number(0)).Single();

    private IEnumerable<SqliteStatement> Rows((string Sql, List<object> Values) select)
    {
        if (!_statements.TryGetValue(select.Sql, out var statement))
        {
            _statements.Add(select.Sql, statement = new(connection, select.Sql));
        }

        try
        {
            foreach (var (i, value) in select.Values.Index())
            {
                _ = value is string text ? statement.Bind(i + 1, text) : statement.Bind(i + 1, (long)value);
            }

            while (statement.Step())
            {
                yield return statement;
            }
        }
        finally
        {
            statement.Reset();
        }
    }

    /// <summary>What is read of a user to decide whether it is asked for, and where it comes.</summary>
    private sealed record Place(string Id, SearchKeys Keys, DateTime CreatedAt, DateTime UpdatedAt)
    {
        public static Place Read(SqliteStatement row) => new(
            row.Text(0)!,
            new(row.Text(1), row.Text(2) ?? "", SearchIndex.AttributesOf(row, 5)),
            UnixTime.Read(row.Number(3)) ?? DateTime.UnixEpoch,
            UnixTime.Read(row.Number(4)) ?? DateTime.UnixEpoch);
    }
}
