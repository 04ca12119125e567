using Microsoft.Extensions.Options;
using Microsoft.Net.Http.Headers;
using UserApi.Api.Docs;
using UserApi.Api.Http;
using UserApi.Api.Users.Stores;

namespace UserApi.Api.Users;

/// <summary>The HTTP interface to users: <c>/users</c> and <c>/users/{id}</c>.</summary>
internal static class UserEndpoints
{
    public const string Path = "/users";

    private const string PathOfOne = Path + "/{id}";
    private const string Json = "application/json";
    private const string MergePatch = "application/merge-patch+json";

    private static readonly string[] s_get = [HttpMethods.Get, HttpMethods.Head];

    public static void MapUsers(this WebApplication app)
    {
        // The group has no path, because the route and the span of the list would be named "/users/".
        var maxBytes = app.Services.GetRequiredService<IOptions<LimitOptions>>().Value.MaxBodyBytes;
        var users = app.MapGroup("")
            .WithTags("Users")
            .AddEndpointFilter(app.Services.GetRequiredService<RequestQueue>())
            .Answers(Problem.RateLimited, Problem.Unexpected, UserProblems.StoreUnavailable, RequestQueue.Busy);

        users.MapMethods(Path, s_get, List).RequireScope(ScopeAuthorization.Read)
            .WithName("ListUsers")
            .WithSummary("Lists and finds users, a page at a time")
            .WithDescription(
                "All conditions must hold. Case is ignored by simple case folding (Unicode 16.0). The order is by code points, and among equals by id. A page costs "
                + "the same wherever it is; users added, changed or removed meanwhile make no other user repeat or vanish. At most "
                + $"{UserQuery.MaxExamined:n0} users are looked at for a page, so it may be short or empty and still have a next one: only `next` says whether there is more. "
                + "A page of about 4 KiB or more is compressed (`br`, `gzip`) for clients that accept it; its tag then "
                + "is weak, which `If-None-Match` takes and `If-Match` does not (RFC 9110 section 13.1.1).")
            .Takes(UserPageQuery.Parameters)
            .AnswersWith(200, "A page. `next` is null on the last one.", UserExamples.Page, Precondition.EntityTag, UserPageQuery.NextLink, new("Content-Encoding", "How the page is compressed, if it is.", "br"))
            .Answers(304, "The page still has a tag of `If-None-Match`.", Precondition.EntityTag, UserPageQuery.NextLink)
            .Answers(Precondition.Malformed(HeaderNames.IfNoneMatch), UserProblems.PreconditionFailed, UserQueryReader.Invalid, UserProblems.IndexNotReady);

        users.MapPost(Path, Post).RequireScope(ScopeAuthorization.Write)
            .WithName("CreateUser")
            .WithSummary("Creates a user with an id that the service generates")
            .WithDescription("The id is a UUID of version 7 (RFC 9562), so that new users come last in id order.")
            .TakesInput(Json, maxBytes, UserExamples.Input)
            .AnswersWith(201, "Created. With `Prefer: return=minimal` there is no body.", UserExamples.User, Precondition.EntityTag, UserTarget.Location, PreferHeader.Applied);

        users.MapMethods(PathOfOne, s_get, Get).RequireScope(ScopeAuthorization.Read)
            .WithName("GetUser")
            .WithSummary("Gets a user")
            .WithDescription("With `If-None-Match` and the tag of a version that the client has, an unchanged user is not sent again.")
            .TakesTarget()
            .AnswersWith(200, "The user.", UserExamples.User, Precondition.EntityTag)
            .Answers(304, "The user still has a tag of `If-None-Match`.", Precondition.EntityTag)
            .Answers(UserProblems.NotFound);

        users.MapPut(PathOfOne, Put).RequireScope(ScopeAuthorization.Write)
            .WithName("PutUser")
            .WithSummary("Creates a user, or replaces it as a whole")
            .WithDescription("The time of creation is kept; a body that changes nothing keeps the tag and the time of change, too. A body without a `Content-Type` is taken as JSON.")
            .TakesTarget()
            .TakesInput(Json, maxBytes, UserExamples.Input)
            .AnswersWith(200, "Replaced.", UserExamples.User, Precondition.EntityTag)
            .AnswersWith(201, "Created. With `Prefer: return=minimal` there is no body.", UserExamples.User, Precondition.EntityTag, UserTarget.Location, PreferHeader.Applied)
            .Answers(204, "Replaced, with `Prefer: return=minimal`.", Precondition.EntityTag, PreferHeader.Applied);

        users.MapPatch(PathOfOne, Patch).RequireScope(ScopeAuthorization.Write)
            .WithName("PatchUser")
            .WithSummary("Changes some members of a user")
            .WithDescription(
                "JSON Merge Patch (RFC 7396): a member that is null is removed. Nothing that another caller writes meanwhile is lost. A patch that "
                + "changes nothing keeps the tag and the time of change.")
            .TakesTarget()
            .TakesInput(MergePatch, maxBytes, UserExamples.Patch)
            .Answers(415, "Unsupported Media Type.", new HeaderDocs("Accept-Patch", "The media type that is accepted (RFC 5789).", MergePatch))
            .AnswersWith(200, "Changed.", UserExamples.User, Precondition.EntityTag)
            .Answers(204, "Changed, with `Prefer: return=minimal`.", Precondition.EntityTag, PreferHeader.Applied)
            .Answers(UserProblems.NotFound);

        users.MapDelete(PathOfOne, Delete).RequireScope(ScopeAuthorization.Write)
            .WithName("DeleteUser")
            .WithSummary("Deletes a user")
            .WithDescription("With `If-Match`, a user that another caller changed meanwhile is not deleted.")
            .TakesTarget()
            .Answers(204, "Deleted.")
            .Answers(UserProblems.OutcomeUnknown)
            .Answers(UserProblems.NotFound);
    }

    private static async Task<IResult> List(UserPageQuery query, HttpContext http, IUserStore store, IOptions<LimitOptions> limits)
    {
        http.Response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);

        // HEAD may omit headers that are known only after the content was generated (RFC 9110 section 9.3.2); only a condition needs the page's tag.
        var isHead = HttpMethods.IsHead(http.Request.Method);
        if (isHead && query.Precondition.IsEmpty)
        {
            return new JsonHeadResult();
        }

        var page = await store.ListAsync(query.Query, http.RequestAborted);
        if (page.Next is { } next)
        {
            http.Response.Headers.Link = query.LinkTo($"{http.Request.PathBase}{Path}", next);
        }

        var tag = page.CreateTag();
        var coding = limits.Value.CompressPages && page.IsWorthCompressing() ? ContentCoding.Choose(http.Request) : null;
        return query.Precondition.Evaluate(tag) switch
        {
            PreconditionVerdict.Failed => UserProblems.PreconditionFailed,
            PreconditionVerdict.NotModified => new EntityTagResult(StatusCodes.Status304NotModified, tag, coding),
            _ when isHead => new JsonHeadResult(tag, coding),
            _ => new EntityTagResult<UserPage>(StatusCodes.Status200OK, tag, page, UserJson.Readable.UserPage, coding),
        };
    }

    private static async Task<IResult> Get(UserTarget target, HttpContext http, IUserStore store)
    {
        if (await store.FindAsync(target.Id, http.RequestAborted) is not { } user)
        {
            return UserProblems.NotFound;
        }

        return target.Precondition.Evaluate(user.Version) switch
        {
            PreconditionVerdict.Failed => UserProblems.PreconditionFailed,
            PreconditionVerdict.NotModified => new EntityTagResult(StatusCodes.Status304NotModified, user.Version),
            _ => UserResult(StatusCodes.Status200OK, user),
        };
    }

    private static Task<IResult> Put(UserTarget target, HttpContext http, IUserStore store, AuditLog audit) =>
        PutAsync(target, target.Id, http, store, audit);

    private static Task<IResult> Post(HttpContext http, IUserStore store, AuditLog audit, TimeProvider clock) =>
        PutAsync(new(UserId.Create(clock), Precondition.IsNew, null), null, http, store, audit);

    private static async Task<IResult> PutAsync(UserTarget target, UserId? givenId, HttpContext http, IUserStore store, AuditLog audit)
    {
        // simple-user-api accepted a body without a Content-Type, and so does this API.
        var (json, malformed) = await JsonBody.ReadAsync(http, Json, isTypeOptional: true);
        if ((malformed ?? UserMembers.Check(json, givenId, http.Request)) is { } problem)
        {
            return problem;
        }

        if (UserInputReader.Read(json, out var errors) is not { } body)
        {
            return Problem.Invalid(errors);
        }

        var returnUser = !http.Request.PrefersMinimal();
        var result = await store.PutAsync(target.Id, body, target.Precondition, returnUser, http.RequestAborted)
            .AuditAsync(audit, http, target.Id, AuditedWrites.Put);
        return Written(target, result, http, returnUser);
    }

    private static async Task<IResult> Patch(UserTarget target, HttpContext http, IUserStore store, AuditLog audit)
    {
        var (json, malformed) = await JsonBody.ReadAsync(http, MergePatch, isTypeOptional: false);
        if ((malformed ?? UserMembers.Check(json, target.Id, http.Request)) is { } problem)
        {
            return problem;
        }

        Dictionary<string, string[]> errors = [];
        var result = await store.UpdateAsync(target.Id, user => user.Merge(json, out errors), target.Precondition, http.RequestAborted)
            .AuditAsync(audit, http, target.Id, AuditedWrites.Update);
        return result.Outcome == WriteOutcome.Invalid
            ? Problem.Invalid(errors)
            : Written(target, result, http, returnUser: !http.Request.PrefersMinimal());
    }

    private static async Task<IResult> Delete(UserTarget target, HttpContext http, IUserStore store, AuditLog audit)
    {
        var result = await store.DeleteAsync(target.Id, target.Precondition, http.RequestAborted)
            .AuditAsync(audit, http, target.Id, AuditedWrites.Delete);
        return Written(target, result, http, returnUser: false);
    }

    private static IResult Written(UserTarget target, WriteResult result, HttpContext http, bool returnUser)
    {
        switch (result.Outcome)
        {
            case WriteOutcome.NotFound:
                return UserProblems.NotFound;
            case WriteOutcome.PreconditionFailed:
                return UserProblems.PreconditionFailed;
            case WriteOutcome.Conflict:
                return UserProblems.Conflict(result.Field);
            case WriteOutcome.Refused:
                return UserProblems.Refused;
            case WriteOutcome.Deleted:
                return TypedResults.NoContent();
            case WriteOutcome.Created:
                http.Response.Headers.Location = $"{http.Request.PathBase}{Path}/{Uri.EscapeDataString(target.Id.Value)}";
                break;
        }

        var isCreated = result.Outcome == WriteOutcome.Created;
        if (returnUser)
        {
            return UserResult(isCreated ? StatusCodes.Status201Created : StatusCodes.Status200OK, result.User!);
        }

        http.Response.Headers["Preference-Applied"] = PreferHeader.ReturnMinimal;
        return new EntityTagResult(isCreated ? StatusCodes.Status201Created : StatusCodes.Status204NoContent, result.Version!);
    }

    private static EntityTagResult<User> UserResult(int status, User user) => new(status, user.Version, user, UserJson.Readable.User);

    private static RouteHandlerBuilder TakesTarget(this RouteHandlerBuilder endpoint) => endpoint
        .Takes(UserTarget.Parameters)
        .Answers(Precondition.Malformed(HeaderNames.IfMatch), UserProblems.PreconditionFailed, UserTarget.InvalidId);

    private static RouteHandlerBuilder TakesInput(this RouteHandlerBuilder endpoint, string mediaType, long maxBytes, object example) => endpoint
        .Takes(PreferHeader.Parameter)
        .Answers(UserProblems.OutcomeUnknown)
        .TakesBody(mediaType, $"{JsonBody.TooLarge(maxBytes).Detail} Members that are not named here are ignored.", example)
        .Answers(JsonBody.Malformed, UserProblems.Conflict("email"), UserProblems.IndexNotReady, JsonBody.TooLarge(maxBytes), UserInputReader.NoName, UserProblems.Refused)
        .Answers(JsonBody.Unsupported(mediaType))
        .Answers(415, "Unsupported Media Type.", new HeaderDocs("Accept-Encoding", "The content codings that are accepted for the request body (RFC 9110).", "identity"));
}
