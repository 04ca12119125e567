using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// An index other than on _id: with ascending or descending keys, unique or not, over all documents or, with a partialFilterExpression,
/// over some. A missing field is indexed as null, as in mongod. Arrays are refused. The collection's lock guards the index.
/// </summary>
internal sealed class Index
{
    private static readonly string[] s_options = ["v", "key", "name", "unique", "partialFilterExpression", "collation", "background"];

    private readonly string _namespace;
    private readonly BsonOrder _order;
    private readonly string[] _paths;
    private readonly bool _isUnique;
    private readonly Filter? _partial;
    private readonly SortedSet<Entry> _entries;

    /// <exception cref="CommandFailure">The specification is invalid, or uses what this server does not support.</exception>
    public Index(string ns, BsonDocument specification, BsonOrder collectionOrder)
    {
        Key = specification.GetValue("key", new BsonDocument()).AsBsonDocument;
        Name = specification.GetValue("name", "").AsString;
        if (specification.Names.Except(s_options).FirstOrDefault() is { } unknown)
        {
            throw new CommandFailure(ErrorCode.InvalidIndexSpecificationOption, $"The index option {unknown} is not supported.");
        }

        if (Name is "" or "*" || Key.ElementCount == 0 || Key.Values.Any(direction => !direction.IsNumeric))
        {
            throw new CommandFailure(ErrorCode.CannotCreateIndex, $"Not an index of a name and of keys in a direction: {specification}");
        }

        _namespace = ns;
        _order = BsonOrder.Of(specification.GetValue("collation", null)?.AsBsonDocument) ?? collectionOrder;
        _paths = [.. Key.Names];
        _isUnique = specification.GetValue("unique", false).ToBoolean();
        var partial = specification.GetValue("partialFilterExpression", null)?.AsBsonDocument;
        _partial = partial is null ? null : Filter.Parse(partial, _order, canNarrow: false);
        _entries = new(Comparer<Entry>.Create((x, y) => Compare(x.Key, y.Key) is not 0 and var byKey ? byKey : _order.Compare(x.Id, y.Id)));
        Specification = new BsonDocument { { "v", 2 }, { "key", Key }, { "name", Name } }
            .Add("unique", true, _isUnique)
            .Add("partialFilterExpression", partial, partial is not null)
            .Add("collation", specification.GetValue("collation", null), specification.Contains("collation"));
    }

    public string Name { get; }

    public BsonDocument Key { get; }

    /// <summary>The index as listIndexes returns it.</summary>
    public BsonDocument Specification { get; }

    /// <summary>Whether both are the same index: keys, uniqueness, filter and collation are equal.</summary>
    public bool HasSignatureOf(Index other) => WithoutName(Specification).Equals(WithoutName(other.Specification));

    /// <summary>Whether the index contains every document that can match the filter and has this value in the first key.</summary>
    public bool Serves(Filter filter, out BsonValue value)
    {
        value = filter.Equalities.GetValue(_paths[0], BsonNull.Value);

        // A partial index is used only if it contains all documents that have the field; any value but null proves that the field exists.
        return filter.Order == _order && !value.IsBsonNull && (_partial is null || Specification["partialFilterExpression"] == Exists(_paths[0]));

        static BsonDocument Exists(string path) => new(path, new BsonDocument("$exists", true));
    }

    /// <summary>The ids of the documents with this value in the first key, in order.</summary>
    public IReadOnlyList<BsonValue> Find(BsonValue value) =>
        [.. _entries.GetViewBetween(new([value], BsonMinKey.Value), new([value], BsonMaxKey.Value)).Select(entry => entry.Id)];

    /// <exception cref="CommandFailure">Another document has the same keys, and the index is unique.</exception>
    public void Check(BsonDocument? document)
    {
        if (_isUnique && document is not null && KeyOf(document) is { } key
            && _entries.GetViewBetween(new(key, BsonMinKey.Value), new(key, BsonMaxKey.Value)).Any(entry => !_order.Equals(entry.Id, document["_id"])))
        {
            throw DuplicateKey(_namespace, Name, Key, new(_paths.Zip(key, (path, value) => new BsonElement(path, value))));
        }
    }

    public void Add(BsonDocument? document)
    {
        if (EntryOf(document) is { } entry)
        {
            _entries.Add(entry);
        }
    }

    public void Remove(BsonDocument? document)
    {
        if (EntryOf(document) is { } entry)
        {
            _entries.Remove(entry);
        }
    }

    /// <summary>The failure of a unique index, with mongod's message and fields (duplicate_key_error_info.cpp).</summary>
    public static CommandFailure DuplicateKey(string ns, string name, BsonDocument pattern, BsonDocument value) => new(
        ErrorCode.DuplicateKey,
        $"E11000 duplicate key error collection: {ns} index: {name} dup key: {{ {string.Join(", ", value.Select(key => $"{key.Name}: {key.Value.ToJson()}"))} }}",
        new() { { "keyPattern", pattern }, { "keyValue", value } });

    private static BsonDocument WithoutName(BsonDocument specification) => new(specification.Where(element => element.Name != "name"));

    private Entry? EntryOf(BsonDocument? document) =>
        document is not null && KeyOf(document) is { } key ? new(key, document["_id"]) : null;

    /// <returns>Null when the document is not in the index.</returns>
    private BsonValue[]? KeyOf(BsonDocument document) => _partial?.Matches(document) == false
        ? null
        : [.. _paths.Select(path => Filter.ValueAt(document, path) switch
        {
            null => BsonNull.Value,
            BsonArray => throw new CommandFailure(ErrorCode.BadValue, $"Indexes of arrays ({path}) are not supported."),
            var value => value,
        })];

    // The directions of keys do not matter to the look-ups of this server. A shorter key is a prefix.
    private int Compare(BsonValue[] x, BsonValue[] y) => x.Zip(y, _order.Compare).FirstOrDefault(result => result != 0);

    private sealed record Entry(BsonValue[] Key, BsonValue Id);
}
