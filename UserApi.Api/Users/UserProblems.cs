using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>What can be wrong with a request about users.</summary>
internal static class UserProblems
{
    /// <summary>404. A client of simple-user-api looks for its <c>error</c> member.</summary>
    public static Problem NotFound { get; } = new(StatusCodes.Status404NotFound, "There is no user with this id.") { Error = "User not found" };

    /// <summary>412 (RFC 9110 section 15.5.13).</summary>
    public static Problem PreconditionFailed { get; } =
        new(StatusCodes.Status412PreconditionFailed, "The current version does not satisfy If-Match or If-None-Match.");
}
