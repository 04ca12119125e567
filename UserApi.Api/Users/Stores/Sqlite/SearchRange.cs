using System.Text;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>A part of an index: the users with one key, in id order, or those with keys between two, in the order of the keys.</summary>
/// <param name="Table">The tables that are read, with the index that is read first.</param>
/// <param name="Order">The order of users in it.</param>
/// <param name="Id">The column of the id in the index.</param>
/// <param name="Key">The column of the key in the index; the id itself where there is none.</param>
/// <param name="Equal">The only key; null where there are several.</param>
/// <param name="From">The least key; null for no limit.</param>
/// <param name="To">What keys must be less than; null for no limit.</param>
internal sealed record SearchRange(string Table, UserOrder Order, string Id, string Key, object? Equal = null, object? From = null, object? To = null)
{
    /// <summary>All users in id order, also those that are not indexed.</summary>
    public static SearchRange Users { get; } = new("users s", UserOrder.Id, "s.id", "s.id");

    /// <summary>All users in an order.</summary>
    public static SearchRange All(UserOrder order) => order switch
    {
        UserOrder.Name => new("users s INDEXED BY search_name", order, "s.id", "s.name_key"),
        UserOrder.CreatedAt => new("users s INDEXED BY search_created_at", order, "s.id", "s.created_at"),
        UserOrder.UpdatedAt => new("users s INDEXED BY search_updated_at", order, "s.id", "s.updated_at"),
        _ => Users,
    };

    /// <summary>The ranges of a query's conditions, those first that are likely to leave the fewest users.</summary>
    public static IReadOnlyList<SearchRange> Of(UserQuery query)
    {
        var ranges = new List<SearchRange>();
        if (query.EmailKey is { } email)
        {
            ranges.Add(new("users s INDEXED BY search_email", UserOrder.Id, "s.id", "s.email_key", Equal: email));
        }

        ranges.AddRange(query.AttributeKeys.Select(key =>
            new SearchRange("search_attributes a CROSS JOIN users s ON s.id = a.id", UserOrder.Id, "a.id", "a.key", Equal: key)));
        if (query.NameKey is { } name)
        {
            ranges.Add(All(UserOrder.Name) with { From = name, To = SearchKeys.EndOf(name) });
        }

        if (query.UpdatedSince is { } since)
        {
            ranges.Add(All(UserOrder.UpdatedAt) with { From = UnixTime.Of(since) });
        }

        return ranges;
    }

    /// <summary>
    /// The condition of this range behind a position, so that SQLite begins to read there: of several bounds on one side it would take any, and
    /// filter by the others.
    /// </summary>
    /// <param name="after">The position; null for all of the range.</param>
    /// <param name="order">The order of the position: that of the range, or any other, by which the users of the range are then sorted.</param>
    /// <param name="isDescending">Whether the greatest come first.</param>
    private (string Sql, List<object> Values) Behind(UserPosition? after, UserOrder order, bool isDescending)
    {
        var (terms, values) = (new List<string>(), new List<object>());
        var (key, id) = ColumnsOf(order);
        var (from, to) = (From, To);
        if (Equal is not null)
        {
            Add($"{Key} = ?", Equal);
        }

        if (after is not null)
        {
            object afterKey = order == UserOrder.Name ? after.Name : UnixTime.Of(after.Time);
            var compare = isDescending ? "<" : ">";
            if (order == UserOrder.Id)
            {
                Add($"{id} {compare} ?", after.Id);
            }
            else if (order != Order)
            {
                Add($"({key}, {id}) {compare} (?, ?)", afterKey, after.Id);
            }
            else if (!isDescending && (from is null || Compare(afterKey, from) >= 0))
            {
                Add($"({key}, {id}) > (?, ?)", afterKey, after.Id);
                from = null;
            }
            else if (isDescending && (to is null || Compare(afterKey, to) < 0))
            {
                Add($"({key}, {id}) < (?, ?)", afterKey, after.Id);
                to = null;
            }
        }

        if (from is not null)
        {
            Add($"{Key} >= ?", from);
        }

        if (to is not null)
        {
            Add($"{Key} < ?", to);
        }

        if (Order is UserOrder.CreatedAt or UserOrder.UpdatedAt || (Order == UserOrder.Name && from is null && to is null))
        {
            // SQLite uses a partial index only for a query that implies its condition; a bound of the name does (https://sqlite.org/partialindex.html, section 3).
            Add("s.name_key IS NOT NULL");
        }

        return (terms.Count == 0 ? "1" : string.Join(" AND ", terms), values);

        void Add(string term, params object[] itsValues)
        {
            terms.Add(term);
            values.AddRange(itsValues);
        }
    }

    /// <summary>The statement that reads this range behind a position, in an order.</summary>
    /// <param name="columns">What to read.</param>
    /// <param name="after">The position; null for all of the range.</param>
    /// <param name="order">The order.</param>
    /// <param name="isDescending">Whether the greatest come first.</param>
    public (string Sql, List<object> Values) Select(string columns, UserPosition? after, UserOrder order, bool isDescending)
    {
        var (where, values) = Behind(after, order, isDescending);
        return ($"SELECT {columns} FROM {Table} WHERE {where} ORDER BY {OrderBy(order, isDescending)}", values);
    }

    /// <summary>The statement that counts this range, up to <paramref name="most"/>.</summary>
    public (string Sql, List<object> Values) Count(int most)
    {
        var (where, values) = Behind(null, Order, isDescending: false);
        return ($"SELECT count(*) FROM (SELECT 1 FROM {Table} WHERE {where} LIMIT {most})", values);
    }

    private string OrderBy(UserOrder order, bool isDescending)
    {
        var (key, id) = ColumnsOf(order);
        var direction = isDescending ? " DESC" : "";
        return order == UserOrder.Id ? $"{id}{direction}" : $"{key}{direction}, {id}{direction}";
    }

    private (string Key, string Id) ColumnsOf(UserOrder order) => order == UserOrder.Id ? (Id, Id) : (All(order).Key, "s.id");

    private static int Compare(object x, object y) => x is string text
        ? Encoding.UTF8.GetBytes(text).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes((string)y))
        : ((long)x).CompareTo((long)y);
}
