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

    /// <summary>503: the store does not answer.</summary>
    public static Problem StoreUnavailable { get; } = new(StatusCodes.Status503ServiceUnavailable, "The user store cannot be reached now.");

    /// <summary>503: the store did not confirm a write in time.</summary>
    public static Problem OutcomeUnknown { get; } =
        Problem.OutcomeUnknown with { Detail = "The user store did not answer in time; the change may have been applied all the same." };

    /// <summary>422: a validator of the database, an operator's rule, refuses the user.</summary>
    public static Problem Refused { get; } = new(StatusCodes.Status422UnprocessableEntity, "A rule of the database refuses this user.");

    /// <summary>503: what was asked needs an index that is still being made.</summary>
    public static Problem IndexNotReady { get; } = new(
        StatusCodes.Status503ServiceUnavailable, "The index that this needs is still being made. Users can be read by id and listed in id order meanwhile.")
    {
        Kind = new("/problems/index-not-ready", "Index not ready"),
        RetryAfter = 10,
    };

    /// <summary>409: another user has a value that must be unique: by the setting <c>Users:UniqueEmails</c>, or by an index of the operator's.</summary>
    /// <param name="field">The field, where it is known.</param>
    public static Problem Conflict(string? field) => new(StatusCodes.Status409Conflict, "Another user has a value that must be unique.")
    {
        Kind = field == "email" ? new("/problems/email-taken", "E-mail address taken") : null,
        Errors = field is null ? null : new Dictionary<string, string[]> { [field] = ["Another user has this value."] },
    };
}
