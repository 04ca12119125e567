namespace UserApi.ServiceDefaults;

/// <summary>How many letters must be changed, inserted or deleted to turn one word into another, ignoring case (Levenshtein, 1965).</summary>
public static class EditDistance
{
    /// <summary>The known word with the smallest distance to a word, and the distance.</summary>
    /// <param name="word">The word.</param>
    /// <param name="known">The known words, at least one.</param>
    public static (string Word, int Distance) Nearest(string word, IEnumerable<string> known) =>
        known.Select(candidate => (candidate, Between(word.ToUpperInvariant(), candidate.ToUpperInvariant()))).MinBy(pair => pair.Item2);

    private static int Between(string from, string to)
    {
        var distances = Enumerable.Range(0, to.Length + 1).ToArray();
        for (var i = 0; i < from.Length; i++)
        {
            var diagonal = distances[0]++;
            for (var j = 0; j < to.Length; j++)
            {
                var replaced = diagonal + (from[i] == to[j] ? 0 : 1);
                diagonal = distances[j + 1];
                distances[j + 1] = Math.Min(replaced, 1 + Math.Min(diagonal, distances[j]));
            }
        }

        return distances[^1];
    }
}
