using System.Security.Claims;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.Net.Http.Headers;
using UserApi.Api.Docs;

namespace UserApi.Api.Http;

/// <summary>The settings for callers.</summary>
/// <param name="HasIssuer">Whether tokens can be checked at all.</param>
/// <param name="AllowAnonymous">Whether callers without a token may do everything.</param>
/// <param name="ScopePrefix">The prefix of scope names in tokens.</param>
/// <param name="Issuer">The address of the issuer of tokens, if it is set.</param>
internal sealed record CallerPolicy(bool HasIssuer, bool AllowAnonymous, string ScopePrefix, string? Issuer);

/// <summary>Requires a scope on a route, and documents the responses without it (RFC 6750 section 3).</summary>
internal static partial class ScopeAuthorization
{
    /// <summary>The scope, and the policy, that reading needs.</summary>
    public const string Read = "users.read";

    /// <summary>The scope, and the policy, that writing needs.</summary>
    public const string Write = "users.write";

    public static void AddScopeAuthorization(this IServiceCollection services)
    {
        services.AddSingleton<IAuthorizationMiddlewareResultHandler, MissingScopeHandler>();
        services.AddAuthorizationBuilder()
            .AddPolicy(Read, policy => policy.RequireAssertion(call => IsAllowed(call, Read)))
            .AddPolicy(Write, policy => policy.RequireAssertion(call => IsAllowed(call, Write)));
    }

    /// <summary>Refuses callers without the scope. It must come after rate limiting, so that refused requests count, too.</summary>
    public static void UseScopeAuthorization(this WebApplication app)
    {
        var callers = app.Services.GetRequiredService<CallerPolicy>();
        if (callers.HasIssuer)
        {
            app.UseAuthorization();
        }

        if (callers.AllowAnonymous)
        {
            LogAnonymous(app.Logger);
        }
    }

    public static RouteHandlerBuilder RequireScope(this RouteHandlerBuilder endpoint, string scope) => endpoint
        .RequireAuthorization(scope)
        .Answers(new Problem(StatusCodes.Status401Unauthorized, "The token has expired."), Challenge("Bearer error=\"invalid_token\", error_description=\"The token has expired.\""))
        .Answers(Missing(scope), Challenge($"Bearer error=\"insufficient_scope\", scope=\"{scope}\""));

    /// <summary>Whether this caller may read the details of the API's health.</summary>
    public static bool MayRead(HttpContext http)
    {
        var callers = http.RequestServices.GetRequiredService<CallerPolicy>();
        return callers.AllowAnonymous || HasScope(http.User, callers.ScopePrefix + Read);
    }

    // A token that is sent must be valid, even if callers without one may do everything.
    private static bool IsAllowed(AuthorizationHandlerContext call, string scope)
    {
        var http = (HttpContext)call.Resource!;
        var callers = http.RequestServices.GetRequiredService<CallerPolicy>();
        return HasScope(call.User, callers.ScopePrefix + scope)
            || (callers.AllowAnonymous && !http.Request.Headers.ContainsKey(HeaderNames.Authorization));
    }

    // "scope" is defined by RFC 8693 section 4.2, "scp" is used by Entra ID and Okta. Both are one string with a list, or an array of strings, which becomes
    // one claim per string. Anything else, such as an object with the scope as a member name, would be a claim with its JSON text.
    private static bool HasScope(ClaimsPrincipal user, string scope) => user.Claims
        .Where(claim => claim.Type is "scope" or "scp" && claim.ValueType == ClaimValueTypes.String)
        .Any(claim => claim.Value.Split(' ').Contains(scope, StringComparer.Ordinal));

    // 403: the token does not have the scope.
    private static Problem Missing(string? scope) => new(StatusCodes.Status403Forbidden, $"The token does not have the scope {scope}.");

    private static HeaderDocs Challenge(string example) => new("WWW-Authenticate", "What is missing (RFC 6750).", example);

    [LoggerMessage(1, LogLevel.Warning, "Callers without a token may do everything")]
    private static partial void LogAnonymous(ILogger logger);

    /// <summary>Says which scope is missing (RFC 6750 section 3.1), which the standard handler does not.</summary>
    private sealed class MissingScopeHandler(CallerPolicy callers) : IAuthorizationMiddlewareResultHandler
    {
        private readonly AuthorizationMiddlewareResultHandler _standard = new();

        public Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
        {
            if (!authorizeResult.Forbidden)
            {
                return _standard.HandleAsync(next, context, policy, authorizeResult);
            }

            var scope = callers.ScopePrefix + context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy;
            context.Response.Headers.WWWAuthenticate = $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"";
            return Missing(scope).ExecuteAsync(context);
        }
    }
}
