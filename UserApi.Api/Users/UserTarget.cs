using UserApi.Api.Docs;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>The user that a request names, and its precondition. Binding never throws: errors are in <see cref="Problem"/>.</summary>
/// <param name="Id">The id in the path.</param>
/// <param name="Precondition">The request's conditions.</param>
/// <param name="Problem">What is wrong with the id or the conditions, which then must not be used.</param>
internal sealed record UserTarget(UserId Id, Precondition Precondition, Problem? Problem) : IBoundRequest
{
    /// <summary>The request's parameters.</summary>
    public static ParameterDocs[] Parameters { get; } =
    [
        new(ParameterPlace.Path, "id", UserId.Rule) { Min = 1, Max = UserId.MaxLength, Example = "ana" },
        .. Precondition.Parameters,
    ];

    /// <summary>422 for an invalid id, as an example.</summary>
    public static Problem InvalidId { get; } = UserId.TryParse(".", out _, out var error) ? throw new InvalidOperationException() : Problem.Invalid("id", error);

    /// <summary>The header with the address of a new user.</summary>
    public static HeaderDocs Location { get; } = new("Location", "The address of the user.", "/users/ana");

    /// <summary>Binds the target of a request, as ASP.NET Core requires it.</summary>
    public static ValueTask<UserTarget> BindAsync(HttpContext http)
    {
        Precondition precondition = default;
        var problem =
            !UserId.TryParse((string?)http.Request.RouteValues["id"] ?? "", out var id, out var error) ? Problem.Invalid("id", error) :
            !Precondition.TryRead(http.Request.Headers, out precondition, out var malformed) ? Precondition.Malformed(malformed) :
            null;
        return new(new UserTarget(id, precondition, problem));
    }
}
