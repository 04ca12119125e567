using System.Collections.Concurrent;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Collections by namespace, and open cursors.</summary>
internal sealed class Storage
{
    private readonly ConcurrentDictionary<string, Collection> _collections = new();
    private readonly ConcurrentDictionary<long, Cursor> _cursors = new();
    private long _lastCursorId;

    public Collection this[string database, string collection] => _collections.GetOrAdd($"{database}.{collection}", ns => new(ns));

    /// <exception cref="CommandFailure">The collection exists.</exception>
    public Collection Create(string database, string name, BsonDocument? collation)
    {
        var created = new Collection($"{database}.{name}", collation) { Exists = true };

        return _collections.AddOrUpdate(
            created.Namespace,
            created,
            (ns, old) => old.Exists ? throw new CommandFailure(ErrorCode.NamespaceExists, $"Collection {ns} already exists.") : created);
    }

    public bool Drop(string database, string collection) => _collections.TryRemove($"{database}.{collection}", out _);

    public void DropDatabase(string database)
    {
        foreach (var ns in _collections.Keys.Where(ns => ns.StartsWith($"{database}.", StringComparison.Ordinal)))
        {
            _collections.TryRemove(ns, out _);
        }
    }

    /// <summary>Opens a cursor and returns its first batch.</summary>
    public BsonDocument Open(string ns, IEnumerable<BsonDocument> documents, int batchSize, bool isSingleBatch)
    {
        var cursor = new Cursor(ns, documents.GetEnumerator());
        var batch = cursor.Take(batchSize);
        var id = 0L;
        if (!cursor.IsExhausted && !isSingleBatch)
        {
            id = Interlocked.Increment(ref _lastCursorId);
            _cursors[id] = cursor;
        }

        return Reply("firstBatch", batch, id, ns);
    }

    public BsonDocument GetMore(long id, int batchSize)
    {
        if (!_cursors.TryGetValue(id, out var cursor))
        {
            throw new CommandFailure(ErrorCode.CursorNotFound, $"cursor id {id} not found");
        }

        lock (cursor)
        {
            var batch = cursor.Take(batchSize);
            if (cursor.IsExhausted)
            {
                Kill(id);
            }

            return Reply("nextBatch", batch, cursor.IsExhausted ? 0 : id, cursor.Namespace);
        }
    }

    public bool Kill(long id) => _cursors.TryRemove(id, out _);

    /// <summary>Deletes all cursors, as the end of the process does.</summary>
    public void KillAllCursors() => _cursors.Clear();

    private static BsonDocument Reply(string batchName, BsonArray batch, long id, string ns) => new()
    {
        { "cursor", new BsonDocument { { batchName, batch }, { "id", id }, { "ns", ns } } },
        { "ok", 1.0 },
    };

    private sealed class Cursor(string ns, IEnumerator<BsonDocument> documents)
    {
        private const int MaxBatchBytes = 16 * 1024 * 1024;

        // Reads one document ahead, to know whether a batch is the last one.
        private bool _hasNext = documents.MoveNext();

        public string Namespace { get; } = ns;

        public bool IsExhausted => !_hasNext;

        public BsonArray Take(int count)
        {
            var batch = new BsonArray();
            for (var bytes = 0; _hasNext && batch.Count < count && bytes < MaxBatchBytes; _hasNext = documents.MoveNext())
            {
                batch.Add(documents.Current);
                bytes += documents.Current is RawBsonDocument raw ? raw.Slice.Length : documents.Current.ToBson().Length;
            }

            return batch;
        }
    }
}
