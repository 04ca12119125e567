namespace UserApi.MongoWire;

/// <summary>Walks a tree that changes meanwhile.</summary>
internal static class SortedSetWalk
{
    /// <summary>
    /// The items between two, in chunks, so that no lock is held while a client reads; it goes on by key, so that nothing repeats when items come
    /// and go.
    /// </summary>
    /// <param name="set">The tree.</param>
    /// <param name="from">The least item, whether or not it is there.</param>
    /// <param name="to">The greatest item, whether or not it is there.</param>
    /// <param name="isDescending">Whether the greatest comes first.</param>
    /// <param name="gate">Guards the tree.</param>
    /// <param name="chunk">How many items are taken at once.</param>
    public static IEnumerable<T> Walk<T>(this SortedSet<T> set, T from, T to, bool isDescending, Lock gate, int chunk)
        where T : class
    {
        var buffer = new List<T>(chunk);
        T? last = null;
        do
        {
            buffer.Clear();
            lock (gate)
            {
                var (low, high) = last is null ? (from, to) : isDescending ? (from, last) : (last, to);
                if (set.Comparer.Compare(low, high) <= 0)
                {
                    var view = set.GetViewBetween(low, high);
                    buffer.AddRange((isDescending ? view.Reverse() : view).SkipWhile(item => last is not null && set.Comparer.Compare(item, last) == 0).Take(chunk));
                }
            }

            foreach (var item in buffer)
            {
                yield return item;
            }

            last = buffer.LastOrDefault();
        }
        while (buffer.Count == chunk);
    }
}
