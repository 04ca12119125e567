using System.Collections.Concurrent;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;

namespace UserApi.MongoWire;

/// <summary>
/// The documents of one collection as BSON bytes: a hash by _id for single documents, a tree in _id order for pages.
/// Readers of one document take no lock; writers and the chunks of a scan take the collection's.
/// </summary>
internal sealed class Collection(string ns)
{
    private const int MaxChunk = 1024;

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<BsonValue, Record> _byId = new(BsonOrder.Instance);
    private readonly SortedSet<Record> _inOrder = new(Comparer<Record>.Create((x, y) => BsonOrder.Instance.Compare(x.Id, y.Id)));

    public string Namespace { get; } = ns;

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

    /// <summary>The matching documents in _id order.</summary>
    /// <param name="filter">Which documents.</param>
    /// <param name="chunk">How many documents are likely needed.</param>
    public IEnumerable<RawBsonDocument> Find(Filter filter, int chunk)
    {
        var candidates = filter.Ids is { } ids ? FindAll(ids) : Scan(filter.From, Math.Clamp(chunk, 1, MaxChunk));

        return candidates.Select(record => record.ToDocument()).Where(filter.Matches);
    }

    /// <exception cref="CommandFailure">The _id is taken.</exception>
    public void Insert(BsonDocument document)
    {
        var id = document["_id"];
        if (id.BsonType is BsonType.Document or BsonType.Array or BsonType.RegularExpression or BsonType.Undefined)
        {
            throw new CommandFailure(ErrorCode.BadValue, $"An _id of type {id.BsonType} is not supported.");
        }

        var record = new Record(id, document.ToBson());
        lock (_gate)
        {
            if (!_byId.TryAdd(id, record))
            {
                var shown = id.IsString ? $"\"{id}\"" : id.ToString();
                throw new CommandFailure(
                    ErrorCode.DuplicateKey,
                    $"E11000 duplicate key error collection: {Namespace} index: _id_ dup key: {{ _id: {shown} }}",
                    new() { { "keyPattern", new BsonDocument("_id", 1) }, { "keyValue", new BsonDocument("_id", id) } });
            }

            _inOrder.Add(record);
        }
    }

    /// <summary>Replaces the first matching document by what <paramref name="change"/> makes of it, as one atomic step.</summary>
    /// <param name="filter">Which document.</param>
    /// <param name="change">Given the document, or null when none matches: what to store; null removes, or inserts nothing.</param>
    public Modification Modify(Filter filter, Func<BsonDocument?, BsonDocument?> change)
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
                    Insert(after);
                }

                return new(null, after, IsChanged: after is not null);
            }

            var record = _byId[before["_id"]];
            if (after is null)
            {
                _byId.TryRemove(record.Id, out _);
                _inOrder.Remove(record);

                return new(before, null, IsChanged: true);
            }

            var bytes = after.ToBson();
            var isChanged = !bytes.AsSpan().SequenceEqual(record.Bytes);
            record.Bytes = bytes;

            return new(before, after, isChanged);
        }
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

    // In chunks, so that no lock is held while a client reads; it goes on by key, so that nothing repeats when documents come and go.
    private IEnumerable<Record> Scan(BsonValue? from, int chunk)
    {
        var buffer = new List<Record>(chunk);
        BsonValue? last = null;
        do
        {
            buffer.Clear();
            lock (_gate)
            {
                var next = new Record(last ?? from ?? BsonMinKey.Value, []);
                if (_inOrder.Max is { } max && _inOrder.Comparer.Compare(next, max) <= 0)
                {
                    buffer.AddRange(_inOrder.GetViewBetween(next, max).SkipWhile(record => record.Id == last).Take(chunk));
                }
            }

            foreach (var record in buffer)
            {
                yield return record;
            }

            last = buffer.LastOrDefault()?.Id;
        }
        while (buffer.Count == chunk);
    }

    private sealed class Record(BsonValue id, byte[] bytes)
    {
        private volatile byte[] _bytes = bytes;

        public BsonValue Id { get; } = id;

        public byte[] Bytes
        {
            get => _bytes;
            set => _bytes = value;
        }

        public RawBsonDocument ToDocument() => new(_bytes);
    }
}

/// <summary>One document before and after a write.</summary>
internal readonly record struct Modification(BsonDocument? Before, BsonDocument? After, bool IsChanged);
