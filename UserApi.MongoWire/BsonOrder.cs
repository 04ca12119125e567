using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>The server's order of values: strings by their UTF-8 bytes, numbers of any type by value.</summary>
internal sealed class BsonOrder : IComparer<BsonValue>, IEqualityComparer<BsonValue>
{
    public static readonly BsonOrder Instance = new();

    public static bool AreEqual(BsonValue x, BsonValue y) => Instance.Compare(x, y) == 0;

    /// <summary>Whether a range operator compares the two at all: it never does across types.</summary>
    public static bool AreComparable(BsonValue x, BsonValue y) => x.BsonType == y.BsonType || (x.IsNumeric && y.IsNumeric);

    public int Compare(BsonValue? x, BsonValue? y) => (x, y) switch
    {
        (BsonString a, BsonString b) => CompareUtf8(a.Value, b.Value),
        (BsonDocument a, BsonDocument b) when a.Equals(b) => 0,
        _ => x!.CompareTo(y),
    };

    public bool Equals(BsonValue? x, BsonValue? y) => Compare(x, y) == 0;

    public int GetHashCode(BsonValue value) => value.IsNumeric ? value.ToDouble().GetHashCode() : value.GetHashCode();

    // UTF-16 sorts as UTF-8 does once surrogates come after the rest of the plane.
    private static int CompareUtf8(string x, string y)
    {
        var common = x.AsSpan().CommonPrefixLength(y);

        return common == x.Length || common == y.Length ? x.Length - y.Length : Rank(x[common]) - Rank(y[common]);

        static int Rank(char c) => c < 0xD800 ? c : c < 0xE000 ? c + 0x2000 : c - 0x800;
    }
}
