using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// A parsed query: the conditions that a document must meet, and the range of _id that they allow. As in mongod, the query is optimized
/// first, which determines the fields that an upsert takes from it (mongod's expression_optimize_test.cpp).
/// </summary>
internal sealed class Filter
{
    private readonly List<Func<BsonDocument, bool>> _tests = [];
    private readonly bool _canNarrow;
    private string? _matchedTwice;
    private bool _isAlwaysFalse;

    private Filter(BsonOrder order, bool canNarrow) => (Order, _canNarrow) = (order, canNarrow);

    /// <summary>How values are compared.</summary>
    public BsonOrder Order { get; }

    /// <summary>The only _id values that can match, in order; null when any value can.</summary>
    public IReadOnlyList<BsonValue>? Ids { get; private set; }

    /// <summary>The lowest _id that can match; null when any value can.</summary>
    public BsonValue? From { get; private set; }

    /// <summary>The highest _id that can match; null when any value can.</summary>
    public BsonValue? To { get; private set; }

    /// <summary>The conditions of fields that must all hold, for the bounds of an index.</summary>
    public List<(string Path, BsonElement Condition)> Conditions { get; } = [];

    /// <summary>The fields that every matching document has by the optimized query, and that an upsert therefore sets.</summary>
    public BsonDocument Equalities { get; } = [];

    /// <param name="query">The query document.</param>
    /// <param name="order">How values are compared.</param>
    /// <param name="canNarrow">Whether _id is indexed in this order; if not, every document must be examined.</param>
    /// <exception cref="CommandFailure">The query uses what this server does not support.</exception>
    public static Filter Parse(BsonDocument query, BsonOrder? order = null, bool canNarrow = true)
    {
        var filter = new Filter(order ?? BsonOrder.Simple, canNarrow);
        filter.AddAll(query);
        if (filter._isAlwaysFalse)
        {
            // mongod reduces a conjunction that nothing can match to $alwaysFalse, which has no fields.
            filter.Ids = [];
            filter.Equalities.Clear();
        }

        return filter;
    }

    public bool Matches(BsonDocument document)
    {
        foreach (var test in _tests)
        {
            if (!test(document))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The document that an upsert starts from.</summary>
    /// <exception cref="CommandFailure">The query matches a field twice, or uses what this server does not support.</exception>
    public BsonDocument ToNewDocument()
    {
        if (_matchedTwice is not null && !_isAlwaysFalse)
        {
            throw new CommandFailure(
                ErrorCode.NotSingleValueField, $"cannot infer query fields to set, path '{_matchedTwice}' is matched twice");
        }

        return Equalities.Names.Any(name => name.Contains('.'))
            ? throw new CommandFailure(ErrorCode.BadValue, "Upserts by dotted paths are not supported.")
            : new(Equalities);
    }

    /// <summary>The value at a path, which may be an array; null when there is none.</summary>
    public static BsonValue? ValueAt(BsonDocument document, string path)
    {
        BsonValue? value = document;
        foreach (var name in path.Split('.'))
        {
            value = value switch
            {
                BsonDocument parent => parent.GetValue(name, null),
                BsonArray => throw new CommandFailure(ErrorCode.BadValue, $"Paths through arrays ({path}) are not supported."),
                _ => null,
            };
        }

        return value;
    }

    // One of an array's elements is enough, or the array as a whole; $ne and $nin are the negations of $eq and $in (jstests/core/query/in/in3.js, ne_array.js).
    private Func<BsonValue?, bool> Test(BsonElement condition)
    {
        var operand = condition.Value;
        Func<BsonValue?, bool> equals = value => IsEqual(value, operand), isIn = value => operand.AsBsonArray.Any(item => IsEqual(value, item));

        return condition.Name switch
        {
            "$eq" => value => Any(value, equals),
            "$ne" => value => !Any(value, equals),
            "$in" => value => Any(value, isIn),
            "$nin" => value => !Any(value, isIn),
            "$gt" => value => Any(value, each => Compare(each, operand) > 0),
            "$gte" => value => Any(value, each => Compare(each, operand) >= 0),
            "$lt" => value => Any(value, each => Compare(each, operand) < 0),
            "$lte" => value => Any(value, each => Compare(each, operand) <= 0),
            "$exists" => value => value is not null == operand.ToBoolean(),
            var name => throw new CommandFailure(ErrorCode.BadValue, $"unknown operator: {name}"),
        };
    }

    private static bool Any(BsonValue? value, Func<BsonValue?, bool> test) => test(value) || (value is BsonArray array && array.Any(test));

    private bool IsEqual(BsonValue? value, BsonValue operand) => Order.Equals(value ?? BsonNull.Value, operand);

    private int? Compare(BsonValue? value, BsonValue operand)
    {
        return value is not null && BsonOrder.AreComparable(value, operand) ? Order.Compare(value, operand) : null;
    }

    private void AddAll(BsonDocument query)
    {
        foreach (var element in query)
        {
            switch (element.Name)
            {
                case "$and":
                    foreach (var part in element.Value.AsBsonArray)
                    {
                        AddAll(part.AsBsonDocument);
                    }

                    break;
                case "$or":
                    AddAny(element.Value.AsBsonArray.Select(part => part.AsBsonDocument).Distinct());
                    break;
                case ['$', ..]:
                    throw new CommandFailure(ErrorCode.BadValue, $"unknown top level operator: {element.Name}");
                default:
                    AddField(element);
                    break;
            }
        }
    }

    private void AddAny(IEnumerable<BsonDocument> queries)
    {
        var possible = queries
            .Select(query => (Query: query, Filter: Parse(query, Order, canNarrow: false)))
            .Where(part => !part.Filter._isAlwaysFalse)
            .ToArray();
        switch (possible)
        {
            case []:
                _isAlwaysFalse = true;
                break;
            case [var only]:
                AddAll(only.Query);
                break;
            default:
                _tests.Add(document => possible.Any(part => part.Filter.Matches(document)));
                break;
        }
    }

    private void AddField(BsonElement field)
    {
        var conditions = field.Value switch
        {
            BsonDocument { ElementCount: > 0 } document when document.GetElement(0).Name.StartsWith('$') => document,
            BsonRegularExpression => throw new CommandFailure(ErrorCode.BadValue, "unknown operator: $regex"),
            var value => new BsonDocument("$eq", value),
        };
        foreach (var condition in conditions)
        {
            AddCondition(field.Name, condition switch
            {
                { Name: "$in", Value: BsonArray { Count: 1 } one } => new("$eq", one[0]),
                _ => condition,
            });
        }
    }

    private void AddCondition(string path, BsonElement condition)
    {
        if (condition.Name == "$eq")
        {
            _matchedTwice ??= Equalities.Contains(path) ? path : null;
            Equalities.Set(path, condition.Value);
        }

        Conditions.Add((path, condition));
        _isAlwaysFalse |= condition is { Name: "$in", Value: BsonArray { Count: 0 } };
        var test = Test(condition);
        if (!_canNarrow || path != "_id" || !Narrow(condition))
        {
            _tests.Add(document => test(ValueAt(document, path)));
        }
    }

    /// <returns>Whether all candidates meet the condition, so that it need not be tested for each.</returns>
    private bool Narrow(BsonElement condition)
    {
        switch (condition.Name)
        {
            case "$eq" when Ids is null:
                Ids = [condition.Value];
                return true;
            case "$in" when Ids is null:
                Ids = condition.Value.AsBsonArray.Distinct(Order).Order(Order).ToArray();
                return true;
            case "$gt" or "$gte":
                From = From is null || Order.Compare(condition.Value, From) > 0 ? condition.Value : From;
                return false;
            case "$lt" or "$lte":
                To = To is null || Order.Compare(condition.Value, To) < 0 ? condition.Value : To;
                return false;
            default:
                return false;
        }
    }
}
