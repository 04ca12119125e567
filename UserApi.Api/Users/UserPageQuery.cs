using UserApi.Api.Docs;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>Which page of users a request asks for.</summary>
/// <param name="Query">The users that it asks for.</param>
/// <param name="Given">The query parameters as they were given, without <c>limit</c> and <c>after</c>.</param>
/// <param name="Precondition">The request's conditions.</param>
/// <param name="Problem">What is wrong with the request; then it must not be executed.</param>
internal sealed record UserPageQuery(
    UserQuery Query, IReadOnlyList<KeyValuePair<string, string>> Given, Precondition Precondition, Problem? Problem) : IBoundRequest
{
    /// <summary>The parameters that are read from the request.</summary>
    public static ParameterDocs[] Parameters { get; } = [.. UserQueryReader.Parameters, .. Precondition.Parameters];

    /// <summary>The header that leads to the next page.</summary>
    public static HeaderDocs NextLink { get; } =
        new("Link", "The next page (RFC 8288), unless this is the last.", "</users?limit=1&after=ana>; rel=\"next\"");

    /// <summary>Reads the query and the conditions of a request, called by ASP.NET Core's binding.</summary>
    public static ValueTask<UserPageQuery> BindAsync(HttpContext http)
    {
        var (query, given, errors) = UserQueryReader.Read(http.Request.QueryString);
        Precondition precondition = default;
        var problem =
            errors.Count > 0 ? Problem.Invalid(errors) :
            !Precondition.TryRead(http.Request.Headers, out precondition, out var malformed) ? Precondition.Malformed(malformed) :
            null;
        return new(new UserPageQuery(query, [.. given.Where(parameter => parameter.Key is not ("limit" or "after"))], precondition, problem));
    }

    /// <summary>The value of the <c>Link</c> header that leads to the next page (RFC 8288).</summary>
    /// <param name="path">The path of the list.</param>
    /// <param name="next">The <see cref="UserPage.Next"/> of the page.</param>
    public string LinkTo(string path, string next)
    {
        var parameters = Given.Append(new("after", next)).Select(each => $"&{Uri.EscapeDataString(each.Key)}={Uri.EscapeDataString(each.Value)}");
        return $"<{path}?limit={Query.Limit}{string.Concat(parameters)}>; rel=\"next\"";
    }
}
