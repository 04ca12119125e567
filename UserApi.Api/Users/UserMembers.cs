using System.Text.Json;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>Members of a body that a client does not write: the service's own and unknown ones.</summary>
internal static class UserMembers
{
    // The body of a GET can be put back, so the members that the service sets are known, too. A member without a getter is not in the JSON.
    private static readonly string[] s_known = [.. UserJson.Readable.User.Properties.Where(member => member.Get is not null).Select(member => member.Name)];

    /// <summary>
    /// Refuses a body with the id of another user, which is a mistake of the caller. An unknown member is ignored, unless the client requests
    /// strict handling (<c>Prefer: handling=strict</c>, RFC 7240 section 4.4).
    /// </summary>
    /// <param name="body">The request's body.</param>
    /// <param name="id">The user that is written; null if the service generates the id.</param>
    /// <param name="request">The request.</param>
    public static Problem? Check(JsonElement body, UserId? id, HttpRequest request)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            return null; // the reader of the members reports it
        }

        if (body.TryGetProperty("id", out var given) && given.ValueKind != JsonValueKind.Null
            && !(id is { } expected && given.ValueKind == JsonValueKind.String && given.ValueEquals(expected.Value)))
        {
            return Problem.Invalid("id", id is null
                ? "id must be left out: the service makes it. To choose an id, put the user to /users/{id}."
                : "id must be left out, or be the id in the path.");
        }

        return request.PrefersStrictHandling() ? CheckStrictly(body) : null;
    }

    private static Problem? CheckStrictly(JsonElement body)
    {
        var unknown = body.EnumerateObject().Select(member => member.Name).Except(s_known, StringComparer.Ordinal).ToDictionary(
            name => name, string[] (name) => [$"{name} must be left out: there is no such member."]);
        return unknown.Count == 0 ? null : Problem.Invalid(unknown);
    }
}
