using System.Globalization;
using System.Text.Json;

namespace UserApi.Chaos;

/// <summary>A user whose members all follow from one number, so that a mixture of two writes is detected.</summary>
internal static class StampedUser
{
    public static string Body(long number) =>
        $$$"""{"name":"n {{{number}}}","email":"{{{number}}}@example.org","attributes":{"number":"{{{number}}}","filling":"{{{Filling(number)}}}"}}""";

    /// <returns>The number; null if the members are not of the same write.</returns>
    public static long? Number(JsonElement user)
    {
        var attributes = user.GetProperty("attributes");
        var text = attributes.GetProperty("number").GetString()!;
        var number = long.Parse(text, CultureInfo.InvariantCulture);
        return user.GetProperty("name").GetString() == $"n {text}"
            && user.GetProperty("email").GetString() == $"{text}@example.org"
            && attributes.GetProperty("filling").GetString() == Filling(number)
            ? number
            : null;
    }

    /// <inheritdoc cref="Number(JsonElement)"/>
    public static long? Number(ReadOnlyMemory<byte> user)
    {
        using var document = JsonDocument.Parse(user);
        return Number(document.RootElement);
    }

    /// <summary>Reads all users, page by page.</summary>
    public static async Task<Dictionary<string, long?>> ListAsync(HttpConnection connection, CancellationToken cancellationToken)
    {
        var users = new Dictionary<string, long?>();
        for (var after = ""; after is not null;)
        {
            var answer = await connection.SendAsync(HttpConnection.Request("GET", $"/users?limit=200{after}"), cancellationToken);
            using var page = JsonDocument.Parse(answer.Body);
            foreach (var user in page.RootElement.GetProperty("items").EnumerateArray())
            {
                users.Add(user.GetProperty("id").GetString()!, Number(user));
            }

            after = page.RootElement.GetProperty("next").GetString() is { } next ? $"&after={next}" : null;
        }

        return users;
    }

    // Up to a few pages of the embedded store
    private static string Filling(long number) => new((char)('a' + (number % 26)), (int)(number * 131 % 1000));
}
