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
    private const string Columns = "s.id, s.email, s.name, s.created_at, s.updated_at, s.attributes";

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
        var range = new SearchRange("users s", UserOrder.Id, "s.id", "s.id");
        var (where, values) = range.Behind(query.After, UserOrder.Id, query.IsDescending);
        var page = new PageBuilder(query.Limit);
        var sql = $"SELECT s.id FROM users s WHERE {where} ORDER BY {range.OrderBy(UserOrder.Id, query.IsDescending)}";
        foreach (var row in Rows(sql, values))
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

        var (where, values) = range.Behind(query.After, query.Order, query.IsDescending);
        var sql = $"SELECT {Columns} FROM {range.Table} WHERE {where} ORDER BY {range.OrderBy(query.Order, query.IsDescending)}";
        var page = new PageBuilder(query.Limit);
        UserPosition? last = null;
        var examined = 0;
        foreach (var row in Rows(sql, values))
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
            var count = CountOf(conditions.Count == 1 ? conditions[0] : new("users s", UserOrder.Id, "s.id", "s.id"), UserQuery.MaxTotal + 1);
            return (Math.Min(count, UserQuery.MaxTotal), count > UserQuery.MaxTotal);
        }

        var few = conditions.FirstOrDefault(condition => CountOf(condition, UserQuery.MaxTotal + 1) <= UserQuery.MaxTotal);
        var range = few ?? conditions[0];
        var (where, values) = range.Behind(null, range.Order, isDescending: false);
        var matching = Rows($"SELECT {Columns} FROM {range.Table} WHERE {where} ORDER BY {range.OrderBy(range.Order, false)} LIMIT {UserQuery.MaxTotal}", values)
            .Select(Place.Read).Count(place => query.MayMatch(place.Keys, place.UpdatedAt));
        return (matching, few is null);
    }

    /// <summary>How many users a range has, up to <paramref name="most"/>.</summary>
    private int CountOf(SearchRange range, int most)
    {
        var (where, values) = range.Behind(null, range.Order, isDescending: false);
        return (int)Rows($"SELECT count(*) FROM (SELECT 1 FROM {range.Table} WHERE {where} LIMIT {most})", values).Select(row => row.Number(0)).Single();
    }

    private IEnumerable<SqliteStatement> Rows(string sql, List<object> values)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            _statements.Add(sql, statement = new(connection, sql));
        }

        try
        {
            foreach (var (i, value) in values.Index())
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
            new(row.Text(1), row.Text(2)!, SearchIndex.AttributesOf(row, 5).ToArray()),
            UnixTime.Read(row.Number(3)) ?? DateTime.UnixEpoch,
            UnixTime.Read(row.Number(4)) ?? DateTime.UnixEpoch);
    }
}
