using UserApi.Api.Http;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;

namespace UserApi.Api;

/// <summary>What a caller is told of a failure: nothing of the exception itself leaves the process.</summary>
internal static class ExceptionProblems
{
    public static Problem For(Exception exception) => exception switch
    {
        StoreUnavailableException { MayHaveBeenApplied: true } => UserProblems.OutcomeUnknown,
        IndexNotReadyException => UserProblems.IndexNotReady,
        StoreUnavailableException => UserProblems.StoreUnavailable,
        IssuerUnavailableException => new(StatusCodes.Status503ServiceUnavailable, "The token's issuer cannot be reached now, so the token was not checked. Try again later with the same token."),
        BadHttpRequestException { StatusCode: StatusCodes.Status400BadRequest } => new(StatusCodes.Status400BadRequest, "The body must be framed as HTTP prescribes (RFC 9112 section 6)."),
        BadHttpRequestException e => new(e.StatusCode),
        _ => Problem.Unexpected,
    };
}
