using Microsoft.AspNetCore.Http.Features;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>Responds with 422 to the ids "." and "..", which the server would otherwise resolve as path segments before routing (RFC 3986 section 5.2.4).</summary>
internal static class DotSegments
{
    public static void RejectDotSegments(this WebApplication app) => app.Use((http, next) =>
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        return target.StartsWith(UserEndpoints.Path + "/.", StringComparison.OrdinalIgnoreCase)
            || target.StartsWith(UserEndpoints.Path + "/%2e", StringComparison.OrdinalIgnoreCase)
            ? Reject(http, next, Uri.UnescapeDataString(target[(UserEndpoints.Path.Length + 1)..].Split('?', '/')[0]))
            : next(http);
    });

    private static Task Reject(HttpContext http, RequestDelegate next, string id) =>
        id.Trim('.').Length == 0 && !UserId.TryParse(id, out _, out var error)
            ? Problem.Invalid("id", error).ExecuteAsync(http)
            : next(http);
}
