using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>A query document: the tests a document has to pass, and what they allow to skip in _id order.</summary>
internal sealed class Filter
{
    private readonly List<Func<BsonDocument, bool>> _tests = [];

    private readonly bool _canNarrow;

    private Filter(bool canNarrow) => _canNarrow = canNarrow;

    /// <summary>The only _id values that can match, in order; null when any can.</summary>
    public IReadOnlyList<BsonValue>? Ids { get; private set; }

    /// <summary>The least _id that can match; null when any can.</summary>
    public BsonValue? From { get; private set; }

    /// <summary>The fields an upsert takes over into its new document.</summary>
    public BsonDocument Equalities { get; } = [];

    /// <exception cref="CommandFailure">The query uses what this server does not know.</exception>
    public static Filter Parse(BsonDocument query)
    {
        return Parse(query, canNarrow: true);
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

    private static Filter Parse(BsonDocument query, bool canNarrow)
    {
        var filter = new Filter(canNarrow);
        filter.AddAll(query);

        return filter;
    }

    private static Func<BsonValue?, bool> Test(BsonElement condition)
    {
        var operand = condition.Value;

        return condition.Name switch
        {
            "$eq" => value => IsEqual(value, operand),
            "$ne" => value => !IsEqual(value, operand),
            "$in" => value => operand.AsBsonArray.Any(item => IsEqual(value, item)),
            "$nin" => value => !operand.AsBsonArray.Any(item => IsEqual(value, item)),
            "$gt" => value => Compare(value, operand) > 0,
            "$gte" => value => Compare(value, operand) >= 0,
            "$lt" => value => Compare(value, operand) < 0,
            "$lte" => value => Compare(value, operand) <= 0,
            "$exists" => value => value is not null == operand.ToBoolean(),
            var name => throw new CommandFailure(ErrorCode.BadValue, $"unknown operator: {name}"),
        };
    }

    private static bool IsEqual(BsonValue? value, BsonValue operand) => BsonOrder.AreEqual(value ?? BsonNull.Value, operand);

    private static int? Compare(BsonValue? value, BsonValue operand)
    {
        return value is not null && BsonOrder.AreComparable(value, operand) ? BsonOrder.Instance.Compare(value, operand) : null;
    }

    private static BsonValue? ValueAt(BsonDocument document, string path)
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

        return value is BsonArray
            ? throw new CommandFailure(ErrorCode.BadValue, $"Filters on arrays ({path}) are not supported.")
            : value;
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
                    var parts = element.Value.AsBsonArray.Select(part => Parse(part.AsBsonDocument, canNarrow: false)).ToArray();
                    _tests.Add(document => parts.Any(part => part.Matches(document)));
                    break;
                case ['$', ..]:
                    throw new CommandFailure(ErrorCode.BadValue, $"unknown top level operator: {element.Name}");
                default:
                    AddField(element);
                    break;
            }
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
            if (condition.Name == "$eq")
            {
                Equalities.Set(field.Name, condition.Value);
            }

            var test = Test(condition);
            if (!_canNarrow || field.Name != "_id" || !Narrow(condition))
            {
                _tests.Add(document => test(ValueAt(document, field.Name)));
            }
        }
    }

    /// <returns>Whether the candidates alone answer the condition, with no test of each.</returns>
    private bool Narrow(BsonElement condition)
    {
        switch (condition.Name)
        {
            case "$eq" when Ids is null:
                Ids = [condition.Value];
                return true;
            case "$in" when Ids is null:
                Ids = condition.Value.AsBsonArray.Distinct(BsonOrder.Instance).Order(BsonOrder.Instance).ToArray();
                return true;
            case "$gt" or "$gte":
                From = From is null || BsonOrder.Instance.Compare(condition.Value, From) > 0 ? condition.Value : From;
                return false;
            default:
                return false;
        }
    }
}
