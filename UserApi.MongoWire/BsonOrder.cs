using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>
/// The server's order of values: numbers of any type by value, strings by their UTF-8 bytes, or case-insensitively with a collation of
/// strength 1 or 2.
/// </summary>
internal sealed class BsonOrder : IComparer<BsonValue>, IEqualityComparer<BsonValue>
{
    /// <summary>The order of the collation <c>{ locale: "simple" }</c>, which is also the default.</summary>
    public static readonly BsonOrder Simple = new(ignoresCase: false);

    private static readonly BsonOrder s_ignoringCase = new(ignoresCase: true);

    private readonly bool _ignoresCase;

    private BsonOrder(bool ignoresCase) => _ignoresCase = ignoresCase;

    /// <summary>The order of a collation; null when there is none. Of collations other than simple, only case sensitivity is supported.</summary>
    /// <exception cref="CommandFailure">The collation is not supported.</exception>
    public static BsonOrder? Of(BsonDocument? collation) => collation switch
    {
        null => null,
        _ when collation["locale"] == "simple" => Simple,
        _ when collation.GetValue("strength", 3).ToInt32() is 1 or 2 => s_ignoringCase,
        _ => throw new CommandFailure(ErrorCode.BadValue, $"The collation {collation} is not supported."),
    };

    /// <summary>Whether range operators compare the two values; they never compare values of different types.</summary>
    public static bool AreComparable(BsonValue x, BsonValue y) => x.BsonType == y.BsonType || (x.IsNumeric && y.IsNumeric);

    public int Compare(BsonValue? x, BsonValue? y) => (x, y) switch
    {
        (BsonString a, BsonString b) => CompareUtf8(Fold(a.Value), Fold(b.Value)),
        (BsonDocument a, BsonDocument b) when a.Equals(b) => 0,
        _ => x!.CompareTo(y),
    };

    public bool Equals(BsonValue? x, BsonValue? y) => Compare(x, y) == 0;

    public int GetHashCode(BsonValue value) => value switch
    {
        { IsNumeric: true } => value.ToDouble().GetHashCode(),
        BsonString text when _ignoresCase => Fold(text.Value).GetHashCode(StringComparison.Ordinal),
        _ => value.GetHashCode(),
    };

    // UTF-16 sorts like UTF-8 if surrogates are sorted after all other code units.
    private static int CompareUtf8(string x, string y)
    {
        var common = x.AsSpan().CommonPrefixLength(y);

        return common == x.Length || common == y.Length ? x.Length - y.Length : Rank(x[common]) - Rank(y[common]);

        static int Rank(char c) => c < 0xD800 ? c : c < 0xE000 ? c + 0x2000 : c - 0x800;
    }

    private string Fold(string text) => _ignoresCase ? text.ToUpperInvariant() : text;
}
