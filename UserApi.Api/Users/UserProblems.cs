using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>Problems of requests about users.</summary>
internal static class UserProblems
{
    /// <summary>404 for a user, unlike the 404 of an unknown path. Clients of simple-user-api look for its <c>error</c> member.</summary>
    public static Problem NotFound { get; } = new(StatusCodes.Status404NotFound, "There is no user with this id.")
    {
        Kind = new("/problems/user-not-found", "User not found"),
        Error = "User not found",
    };

    /// <summary>412 (RFC 9110 section 15.5.13).</summary>
    public static Problem PreconditionFailed { get; } =
        new(StatusCodes.Status412PreconditionFailed, "The current version does not satisfy If-Match or If-None-Match. Read it before you send another request.");

    /// <summary>503: the store does not respond.</summary>
    public static Problem StoreUnavailable { get; } = new(StatusCodes.Status503ServiceUnavailable, "The user store cannot be reached now.");

    /// <summary>503: the store did not confirm a write in time.</summary>
    public static Problem OutcomeUnknown { get; } =
        Problem.OutcomeUnknown with { Detail = "The user store did not answer in time; the change may have been applied all the same. Read the user before you change it again." };

    /// <summary>422: a validator of the database, an operator's rule, refuses the user.</summary>
    public static Problem Refused { get; } = new(StatusCodes.Status422UnprocessableEntity, "A rule of the database refuses this user. Ask whoever runs the service what it is.")
    {
        Kind = new("/problems/database-rule", "Refused by a rule of the database"),
    };

    /// <summary>503: the request needs an index that is still being made.</summary>
    public static Problem IndexNotReady { get; } = new(
        StatusCodes.Status503ServiceUnavailable, "The index that this request needs is still being made. Meanwhile, users can be read by id and listed in id order.")
    {
        Kind = new("/problems/index-not-ready", "Index not ready"),
        RetryAfter = 10,
    };

    /// <summary>409: another user has a value that must be unique, by the setting <c>Users:UniqueEmails</c> or by an index that the operator made.</summary>
    /// <param name="field">The field, if it is known.</param>
    public static Problem Conflict(string? field) => new(StatusCodes.Status409Conflict, "Another user has a value that must be unique.")
    {
        Kind = field == "email" ? new("/problems/email-taken", "E-mail address taken") : null,
        Errors = field is null ? null : new Dictionary<string, string[]> { [field] = [$"{field} must be unique: another user has this value."] },
    };
}
