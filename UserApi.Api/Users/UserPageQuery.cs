using System.Globalization;
using UserApi.Api.Docs;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>Which page of users a request asks for.</summary>
/// <param name="After">Only users with a greater id; null for the first page.</param>
/// <param name="Limit">The maximum number of users.</param>
/// <param name="Precondition">The request's conditions.</param>
/// <param name="Problem">What is wrong with the request; then it must not be executed.</param>
internal sealed record UserPageQuery(UserId? After, int Limit, Precondition Precondition, Problem? Problem) : IBoundRequest
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 200;

    private static readonly string s_limitRule = $"limit must be a whole number from 1 to {MaxLimit}.";

    /// <summary>The parameters that are read from the request.</summary>
    public static ParameterDocs[] Parameters { get; } =
    [
        new(ParameterPlace.Query, "limit", "The maximum number of users.") { Type = typeof(int), Min = 1, Max = MaxLimit, Default = DefaultLimit },
        new(ParameterPlace.Query, "after", "Only users with a greater id: the `next` of the previous page.") { Min = 1, Max = UserId.MaxLength },
        .. Precondition.Parameters,
    ];

    /// <summary>The header that leads to the next page.</summary>
    public static HeaderDocs NextLink { get; } =
        new("Link", "The next page (RFC 8288), unless this is the last.", "</users?limit=1&after=ana>; rel=\"next\"");

    /// <summary>422, as an example.</summary>
    public static Problem InvalidLimit { get; } = Problem.Invalid("limit", s_limitRule);

    /// <summary>Reads the query and the conditions of a request, called by ASP.NET Core's binding.</summary>
    public static ValueTask<UserPageQuery> BindAsync(HttpContext http)
    {
        var errors = new Dictionary<string, string[]>();
        var query = http.Request.Query;
        var limit = DefaultLimit;
        if (query.TryGetValue("limit", out var limits) && !(limits.Count == 1
            && int.TryParse(limits[0], NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is > 0 and <= MaxLimit))
        {
            errors["limit"] = [s_limitRule];
        }

        UserId after = default;
        var hasAfter = query.TryGetValue("after", out var afters);
        if (hasAfter && !(afters.Count == 1 && UserId.TryParse(afters[0] ?? "", out after, out _)))
        {
            errors["after"] = ["after must be an id, such as the next of the previous page."];
        }

        Precondition precondition = default;
        var problem =
            errors.Count > 0 ? Problem.Invalid(errors) :
            !Precondition.TryRead(http.Request.Headers, out precondition, out var malformed) ? Precondition.Malformed(malformed) :
            null;
        return new(new UserPageQuery(hasAfter ? after : null, limit, precondition, problem));
    }

    /// <summary>The value of the <c>Link</c> header that leads to the next page (RFC 8288).</summary>
    /// <param name="path">The path of the list.</param>
    /// <param name="next">The <see cref="UserPage.Next"/> of the page.</param>
    public string LinkTo(string path, string next) => $"<{path}?limit={Limit}&after={Uri.EscapeDataString(next)}>; rel=\"next\"";
}
