using System.Collections.Concurrent;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace UserApi.MongoWire;

/// <summary>
/// The documents of one collection as BSON bytes: a hash table by _id for single documents, a tree in _id order for pages, and other indexes.
/// Reading one document by _id takes no lock; writers and each chunk of a scan take the collection's lock.
/// </summary>
internal sealed class Collection
{
    private const int MaxChunk = 1024;

    private readonly Lock _gate = new();
    private readonly BsonOrder _order;
    private readonly BsonDocument? _collation;
    private readonly ConcurrentDictionary<BsonValue, Record> _byId;
    private readonly SortedSet<Record> _inOrder;
    private readonly List<Index> _indexes = [];
    private volatile Filter? _validator;

    public Collection(string ns, BsonDocument? collation = null)
    {
        Namespace = ns;
        _order = BsonOrder.Of(collation) ?? BsonOrder.Simple;
        _collation = _order == BsonOrder.Simple ? null : collation;
        _byId = new(_order);
        _inOrder = new(Comparer<Record>.Create((x, y) => _order.Compare(x.Id, y.Id)));
    }

    public string Namespace { get; }

    /// <summary>Whether the collection was created, by a command or by its first document.</summary>
    public bool Exists { get; set; }

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _inOrder.Count;
            }
        }
    }

    /// <summary>Parses a query, with its own collation or else with the collection's.</summary>
    public Filter Parse(BsonDocument query, BsonDocument? collation = null)
    {
        var order = BsonOrder.Of(collation) ?? _order;
        return Filter.Parse(query, order, canNarrow: order == _order);
    }

    /// <summary>Sets the validator, which every written document must match; null removes it.</summary>
    public void SetValidator(BsonDocument? validator) =>
        _validator = validator is { ElementCount: > 0 } ? Filter.Parse(validator, _order, canNarrow: false) : null;

    /// <summary>The matching documents as an index gives them.</summary>
    /// <param name="hint">The name of the index.</param>
    /// <param name="filter">Which documents.</param>
    /// <param name="sort">The order that is asked for.</param>
    /// <param name="chunk">How many documents are likely needed.</param>
    /// <param name="isSorted">Whether they come in this order.</param>
    /// <exception cref="CommandFailure">There is no such index.</exception>
    public IEnumerable<RawBsonDocument> FindBy(BsonValue hint, Filter filter, BsonDocument? sort, int chunk, out bool isSorted)
    {
        chunk = Math.Clamp(chunk, 1, MaxChunk);
        var isDescending = sort is { ElementCount: > 0 } && sort[0] == -1;
        if (hint == "_id_")
        {
            isSorted = sort is null || sort.Names.SequenceEqual(["_id"]);
            return Scan(filter, isDescending, chunk).Select(record => record.ToDocument()).Where(filter.Matches);
        }

        lock (_gate)
        {
            // src/mongo/db/query/query_planner.cpp
            var index = _indexes.Find(index => index.Name == hint) ?? throw new CommandFailure(
                ErrorCode.BadValue, "error processing query: planner returned error :: caused by :: hint provided does not correspond to an existing index");
            isSorted = sort is not null && index.Provides(sort, filter);
            return FindAll(index.Walk(filter, isDescending, _gate, chunk)).Distinct().Select(record => record.ToDocument()).Where(filter.Matches);
        }
    }

    /// <summary>The matching documents in _id order.</summary>
    /// <param name="filter">The query.</param>
    /// <param name="chunk">How many documents will probably be needed.</param>
    public IEnumerable<RawBsonDocument> Find(Filter filter, int chunk)
    {
        var candidates = (filter.Ids ?? FindByIndex(filter)) is { } ids ? FindAll(ids) : Scan(filter, isDescending: false, Math.Clamp(chunk, 1, MaxChunk));

        return candidates.Select(record => record.ToDocument()).Where(filter.Matches);
    }

    /// <exception cref="CommandFailure">A unique key is taken, or the validator refuses the document.</exception>
    public void Insert(BsonDocument document, bool validate = true)
    {
        var id = document["_id"];
        if (id.BsonType is BsonType.Document or BsonType.Array or BsonType.RegularExpression or BsonType.Undefined)
        {
            throw new CommandFailure(ErrorCode.BadValue, $"An _id of type {id.BsonType} is not supported.");
        }

        var record = new Record(id, document.ToBson());
        lock (_gate)
        {
            Validate(document, validate);
            if (_byId.ContainsKey(id))
            {
                throw Index.DuplicateKey(Namespace, "_id_", new("_id", 1), new("_id", id));
            }

            Reindex(null, document);
            _byId[id] = record;
            _inOrder.Add(record);
            Exists = true;
        }
    }

    /// <summary>Atomically replaces the first matching document by the result of <paramref name="change"/>.</summary>
    /// <param name="filter">The query.</param>
    /// <param name="change">Gets the document, or null when none matches, and returns what to store; null deletes, or inserts nothing.</param>
    /// <param name="validate">Whether the validator is applied.</param>
    public Modification Modify(Filter filter, Func<BsonDocument?, BsonDocument?> change, bool validate = true)
    {
        lock (_gate)
        {
            var before = Find(filter, 1).FirstOrDefault();
            var current = before?.Slice.AccessBackingBytes(0).Array;
            var after = change(current is null ? null : BsonSerializer.Deserialize<BsonDocument>(current));
            if (before is null)
            {
                if (after is not null)
                {
                    Insert(after, validate);
                }

                return new(null, after, IsChanged: after is not null);
            }

            var record = _byId[before["_id"]];
            if (after is null)
            {
                Reindex(before, null);
                _byId.TryRemove(record.Id, out _);
                _inOrder.Remove(record);

                return new(before, null, IsChanged: true);
            }

            var bytes = after.ToBson();
            var isChanged = !bytes.AsSpan().SequenceEqual(record.Bytes);
            if (isChanged)
            {
                Validate(after, validate);
                Reindex(before, after);
                record.Bytes = bytes;
            }

            return new(before, after, isChanged);
        }
    }

    /// <summary>The specifications of all indexes; the index on _id comes first.</summary>
    public IReadOnlyList<BsonDocument> ListIndexes()
    {
        lock (_gate)
        {
            // The index on _id has the collection's collation (mongod, index_catalog_impl.cpp, getDefaultIdIndexSpec).
            var byId = new BsonDocument { { "v", 2 }, { "key", new BsonDocument("_id", 1) }, { "name", "_id_" } };
            return [byId.Add("collation", _collation, _collation is not null), .. _indexes.Select(index => index.Specification)];
        }
    }

    /// <summary>Builds the missing indexes; all or none.</summary>
    /// <exception cref="CommandFailure">An index conflicts with another index or with existing documents.</exception>
    public void CreateIndexes(IEnumerable<BsonDocument> specifications)
    {
        lock (_gate)
        {
            List<Index> all = [.. _indexes];
            foreach (var index in specifications.Select(specification => new Index(Namespace, specification, _order)))
            {
                if (IsNew(index, all))
                {
                    foreach (var document in _inOrder.Select(record => record.ToDocument()))
                    {
                        index.Check(document);
                        index.Replace(null, document);
                    }

                    all.Add(index);
                }
            }

            _indexes.Clear();
            _indexes.AddRange(all);
            Exists = true;
        }
    }

    /// <param name="wanted">Selects indexes; the index on _id is never dropped.</param>
    /// <returns>How many were dropped.</returns>
    public int DropIndexes(Predicate<Index> wanted)
    {
        lock (_gate)
        {
            return _indexes.RemoveAll(wanted);
        }
    }

    // The rules of mongod's index_catalog_impl.cpp (_doesSpecConflictWithExisting), tested by its jstests/core/index/index_signature.js.
    private static bool IsNew(Index index, List<Index> others)
    {
        if (others.Find(other => other.Name == index.Name) is { } namesake)
        {
            return namesake.HasSignatureOf(index) ? false : throw new CommandFailure(
                ErrorCode.IndexKeySpecsConflict,
                "An existing index has the same name as the requested index. "
                + $"Requested index: {index.Specification}, existing index: {namesake.Specification}");
        }

        return others.Find(index.HasSignatureOf) is { } twin
            ? throw new CommandFailure(ErrorCode.IndexOptionsConflict, $"Index already exists with a different name: {twin.Name}")
            : true;
    }

    // As in jstests/core/doc_validation.js, but without the details of what is wrong.
    private void Validate(BsonDocument document, bool validate)
    {
        if (validate && _validator?.Matches(document) == false)
        {
            throw new CommandFailure(
                ErrorCode.DocumentValidationFailure,
                "Document failed validation",
                new("errInfo", new BsonDocument { { "failingDocumentId", document["_id"] }, { "details", new BsonDocument() } }));
        }
    }

    private void Reindex(BsonDocument? before, BsonDocument? after)
    {
        foreach (var index in _indexes)
        {
            index.Check(after);
        }

        foreach (var index in _indexes)
        {
            index.Replace(before, after);
        }
    }

    private IReadOnlyList<BsonValue>? FindByIndex(Filter filter)
    {
        if (filter.Equalities.ElementCount == 0)
        {
            return null;
        }

        lock (_gate)
        {
            foreach (var index in _indexes)
            {
                if (index.Serves(filter, out var value))
                {
                    return index.Find(value);
                }
            }
        }

        return null;
    }

    private IEnumerable<Record> FindAll(IEnumerable<BsonValue> ids)
    {
        foreach (var id in ids)
        {
            if (_byId.TryGetValue(id, out var record))
            {
                yield return record;
            }
        }
    }

    private IEnumerable<Record> Scan(Filter filter, bool isDescending, int chunk) =>
        _inOrder.Walk(new(filter.From ?? BsonMinKey.Value, []), new(filter.To ?? BsonMaxKey.Value, []), isDescending, _gate, chunk);

    private sealed class Record(BsonValue id, byte[] bytes)
    {
        private volatile byte[] _bytes = bytes;

        public BsonValue Id { get; } = id;

        public byte[] Bytes { get => _bytes; set => _bytes = value; }

        public RawBsonDocument ToDocument() => new(_bytes);
    }
}
