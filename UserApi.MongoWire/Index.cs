using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// An index other than on _id: with ascending or descending keys, unique or not, over all documents or, if it is sparse or partial, over some.
/// As in mongod, a missing field is indexed as null, and an array by each of its elements, or as undefined if it has none
/// (btree_key_generator.cpp; jstests/core/index/index_multikey.js). The collection's lock guards the index.
/// </summary>
internal sealed class Index
{
    private static readonly string[] s_options = ["v", "key", "name", "unique", "partialFilterExpression", "collation", "background", "sparse"];

    private readonly string _namespace;
    private readonly BsonOrder _order;
    private readonly string[] _paths;
    private readonly bool _isUnique;
    private readonly bool _isSparse;
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
        _isSparse = specification.GetValue("sparse", false).ToBoolean();
        var partial = specification.GetValue("partialFilterExpression", null)?.AsBsonDocument;
        _partial = partial is null ? null : Filter.Parse(partial, _order, canNarrow: false);
        _entries = new(Comparer<Entry>.Create((x, y) => Compare(x.Key, y.Key) is not 0 and var byKey ? byKey : _order.Compare(x.Id, y.Id)));
        Specification = new BsonDocument { { "v", 2 }, { "key", Key }, { "name", Name } }
            .Add("unique", true, _isUnique)
            .Add("sparse", true, _isSparse)
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
        foreach (var key in document is null ? [] : KeysOf(document))
        {
            if (_isUnique
                && _entries.GetViewBetween(new(key, BsonMinKey.Value), new(key, BsonMaxKey.Value)).Any(entry => !_order.Equals(entry.Id, document!["_id"])))
            {
                throw DuplicateKey(_namespace, Name, Key, new(_paths.Zip(key, (path, value) => new BsonElement(path, value))));
            }
        }
    }

    /// <summary>Puts a document's entries in the place of those that it had before.</summary>
    public void Replace(BsonDocument? before, BsonDocument? after)
    {
        BsonValue[][] old = [.. before is null ? [] : KeysOf(before)], all = [.. after is null ? [] : KeysOf(after)];
        if (old.Length == all.Length && old.Zip(all, Compare).All(result => result == 0))
        {
            return;
        }

        foreach (var key in old)
        {
            _entries.Remove(new(key, before!["_id"]));
        }

        foreach (var key in all)
        {
            _entries.Add(new(key, after!["_id"]));
        }
    }

    /// <summary>The ids of the documents whose keys a filter may match, in the order of the index; one of several keys may come again.</summary>
    /// <param name="filter">The filter.</param>
    /// <param name="isDescending">Whether the index is walked backwards.</param>
    /// <param name="gate">The collection's lock.</param>
    /// <param name="chunk">How many entries are taken at once.</param>
    public IEnumerable<BsonValue> Walk(Filter filter, bool isDescending, Lock gate, int chunk)
    {
        var (from, to) = BoundsOf(filter);
        return _entries.Walk(from, to, isDescending, gate, chunk).Select(entry => entry.Id);
    }

    /// <summary>Whether documents that match a filter come in the order of a sort as the index is walked: it may leave out keys that are fixed.</summary>
    public bool Provides(BsonDocument sort, Filter filter)
    {
        var open = _paths.SkipWhile(path => filter.Conditions.Exists(each => each.Path == path && each.Condition.Name == "$eq" || IsMissing(each, path)));
        return sort.Names.SequenceEqual(open) && sort.Values.Distinct().Count() == 1 && Key.Values.All(direction => direction == 1);
    }

    /// <summary>The failure of a unique index, with mongod's message and fields (duplicate_key_error_info.cpp).</summary>
    public static CommandFailure DuplicateKey(string ns, string name, BsonDocument pattern, BsonDocument value) => new(
        ErrorCode.DuplicateKey,
        $"E11000 duplicate key error collection: {ns} index: {name} dup key: {{ {string.Join(", ", value.Select(key => $"{key.Name}: {key.Value.ToJson()}"))} }}",
        new() { { "keyPattern", pattern }, { "keyValue", value } });

    private static BsonDocument WithoutName(BsonDocument specification) => new(specification.Where(element => element.Name != "name"));

    private static bool IsMissing((string Path, BsonElement Condition) each, string path) =>
        each.Path == path && each.Condition is { Name: "$exists", Value: var exists } && !exists.ToBoolean();

    /// <returns>None when the document is not in the index.</returns>
    private IEnumerable<BsonValue[]> KeysOf(BsonDocument document)
    {
        if (_partial?.Matches(document) == false)
        {
            return [];
        }

        var values = Array.ConvertAll(_paths, path => Filter.ValueAt(document, path));
        if (_isSparse && Array.TrueForAll(values, value => value is null))
        {
            return [];
        }

        var (key, arrays) = (Array.ConvertAll(values, value => value ?? BsonNull.Value), values.Count(value => value is BsonArray));
        if (arrays == 0)
        {
            return [key];
        }

        // src/mongo/base/error_codes.yml: CannotIndexParallelArrays
        var place = Array.FindIndex(values, value => value is BsonArray);
        return arrays > 1
            ? throw new CommandFailure(ErrorCode.CannotIndexParallelArrays, "cannot index parallel arrays")
            : key[place].AsBsonArray.DefaultIfEmpty(BsonUndefined.Value).Distinct(_order).Select(element => (BsonValue[])[.. key[..place], element, .. key[(place + 1)..]]);
    }

    /// <summary>One interval that has all keys of the documents that match a filter.</summary>
    private (Entry From, Entry To) BoundsOf(Filter filter)
    {
        var prefix = new List<BsonValue>();
        foreach (var path in _paths)
        {
            var conditions = filter.Conditions.Where(each => each.Path == path).ToList();
            if (conditions.Find(each => each.Condition.Name == "$eq") is { Path: not null } equality)
            {
                prefix.Add(equality.Condition.Value);
            }
            else if (conditions.Exists(each => IsMissing(each, path)))
            {
                prefix.Add(BsonNull.Value);
            }
            else
            {
                return (Bound("$gte", "$gt", BsonMinKey.Value, BsonMaxKey.Value), Bound("$lte", "$lt", BsonMaxKey.Value, BsonMinKey.Value));

                Entry Bound(string inclusive, string exclusive, BsonValue with, BsonValue without) =>
                    conditions.Find(each => each.Condition.Name == inclusive) is { Path: not null } including ? new([.. prefix, including.Condition.Value], with) :
                    conditions.Find(each => each.Condition.Name == exclusive) is { Path: not null } excluding ? new([.. prefix, excluding.Condition.Value], without) :
                    new([.. prefix], with);
            }
        }

        return (new([.. prefix], BsonMinKey.Value), new([.. prefix], BsonMaxKey.Value));
    }

    // The directions of keys do not matter to the look-ups of this server. A shorter key is a prefix.
    private int Compare(BsonValue[] x, BsonValue[] y) => x.Zip(y, _order.Compare).FirstOrDefault(result => result != 0);

    private sealed record Entry(BsonValue[] Key, BsonValue Id);
}
