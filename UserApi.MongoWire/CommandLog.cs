using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>Counts the received commands by name, and keeps the last of them.</summary>
/// <param name="capacity">How many are kept; 0, which is fastest, keeps none.</param>
internal sealed class CommandLog(int capacity)
{
    private readonly ConcurrentDictionary<string, StrongBox<long>> _counts = new();
    private readonly ConcurrentQueue<BsonDocument> _recent = new();

    public IReadOnlyList<BsonDocument> Recent => [.. _recent];

    public long CountOf(string name) => _counts.TryGetValue(name, out var count) ? Interlocked.Read(ref count.Value) : 0;

    public void Add(WireRequest request)
    {
        Interlocked.Increment(ref _counts.GetOrAdd(request.Name, _ => new()).Value);
        if (capacity == 0)
        {
            return;
        }

        _recent.Enqueue(request.Command);
        while (_recent.Count > capacity)
        {
            _recent.TryDequeue(out _);
        }
    }
}
