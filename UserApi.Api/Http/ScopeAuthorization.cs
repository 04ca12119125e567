using UserApi.Api.Docs;

namespace UserApi.Api.Http;

/// <summary>Asks for a scope on a route, and documents what is answered without it (RFC 6750 section 3).</summary>
internal static class ScopeAuthorization
{
    public static RouteHandlerBuilder RequireScope(this RouteHandlerBuilder endpoint, string scope) => endpoint
        .RequireAuthorization(scope)
        .Answers(new Problem(StatusCodes.Status401Unauthorized, "The token has expired."), Challenge("Bearer error=\"invalid_token\", error_description=\"The token has expired.\""))
        .Answers(Missing(scope), Challenge($"Bearer error=\"insufficient_scope\", scope=\"{scope}\""));

    /// <summary>403: the token does not have the scope.</summary>
    public static Problem Missing(string? scope) => new(StatusCodes.Status403Forbidden, $"The token does not have the scope {scope}.");

    private static HeaderDocs Challenge(string example) => new("WWW-Authenticate", "What is missing (RFC 6750).", example);
}
