using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using UserApi.Api.Http;
using UserApi.Api.Users.Stores;

namespace UserApi.Api.Users;

/// <summary>The HTTP interface to users: <c>/users</c> and <c>/users/{id}</c>.</summary>
internal static class UserEndpoints
{
    public const string Path = "/users";
    public const string MergePatch = "application/merge-patch+json";
    public const int DefaultPageSize = 50;
    public const int MaxPageSize = 200;

    private const string Json = "application/json";
    private const string JsonUtf8 = $"{Json}; charset=utf-8";

    private static readonly string[] s_get = [HttpMethods.Get, HttpMethods.Head];
    private static readonly JsonElement s_null = JsonElement.Parse("null");
    private static readonly JsonDocumentOptions s_strictJson = new() { AllowDuplicateProperties = false };

    public static void MapUsers(this WebApplication app)
    {
        var users = app.MapGroup(Path).WithTags("Users");
        users.MapMethods("/", s_get, List).RequireAuthorization(Access.Read);
        users.MapMethods("/{id}", s_get, Get).RequireAuthorization(Access.Read);
        users.MapPut("/{id}", Put).RequireAuthorization(Access.Write);
        users.MapPatch("/{id}", Patch).RequireAuthorization(Access.Write);
        users.MapDelete("/{id}", Delete).RequireAuthorization(Access.Write);
    }

    /// <summary>Answers 422 for the ids "." and "..", which the server would otherwise resolve as path segments before routing.</summary>
    public static void UseDotIds(this WebApplication app) => app.Use((http, next) =>
    {
        var target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        return target.StartsWith(Path + "/.", StringComparison.OrdinalIgnoreCase)
            || target.StartsWith(Path + "/%2e", StringComparison.OrdinalIgnoreCase)
            ? RejectDots(http, next, Uri.UnescapeDataString(target[(Path.Length + 1)..].Split('?', '/')[0]))
            : next(http);

        static Task RejectDots(HttpContext http, RequestDelegate next, string id) =>
            id.Trim('.').Length == 0 && !UserId.TryParse(id, out _, out var error)
                ? Problem.Invalid("id", error).ExecuteAsync(http)
                : next(http);
    });

    private static async Task<IResult> Get(string id, HttpContext http, IUserStore store)
    {
        if (!TryReadTarget(id, http, out var userId, out var precondition, out var problem))
        {
            return problem;
        }

        var user = await store.FindAsync(userId, http.RequestAborted);
        if (user is null)
        {
            return NotFound;
        }

        if (precondition.IfMatch is { } match && !match.Contains(user.Version))
        {
            return PreconditionFailed;
        }

        var isKnown = precondition.IfNoneMatch is { } known && known.Contains(user.Version);
        return isKnown
            ? new TaggedResult(StatusCodes.Status304NotModified, user.Version)
            : UserResult(StatusCodes.Status200OK, user);
    }

    private static async Task<IResult> List(HttpContext http, IUserStore store)
    {
        if (!TryReadPage(http.Request.Query, out var after, out var limit, out var errors))
        {
            return Problem.Invalid(errors);
        }

        if (!Precondition.TryRead(http.Request.Headers, out var precondition, out var malformed))
        {
            return Malformed(malformed);
        }

        // What HEAD may leave out is known only when a page is made (RFC 9110 section 9.3.2); only a condition needs the page's tag.
        var isHead = HttpMethods.IsHead(http.Request.Method);
        if (isHead && precondition.IsEmpty)
        {
            return new JsonHead();
        }

        var page = await store.ListAsync(after, limit, http.RequestAborted);
        if (page.Next is { } next)
        {
            http.Response.Headers.Link = $"<{http.Request.PathBase}{Path}?limit={limit}&after={Uri.EscapeDataString(next)}>; rel=\"next\"";
        }

        var tag = TagOf(page);
        if (precondition.IfMatch is { } match && !match.Contains(tag))
        {
            return PreconditionFailed;
        }

        return precondition.IfNoneMatch is { } known && known.Contains(tag)
            ? new TaggedResult(StatusCodes.Status304NotModified, tag)
            : isHead ? new JsonHead(tag)
            : new TaggedResult<UserPage>(StatusCodes.Status200OK, tag, page, UserJson.Readable.UserPage);
    }

    private static async Task<IResult> Put(string id, HttpContext http, IUserStore store, AuditLog audit)
    {
        if (!TryReadTarget(id, http, out var userId, out var precondition, out var problem))
        {
            return problem;
        }

        // simple-user-api took a body without a Content-Type, and so do we.
        if (!HasContentType(http, Json, isOptional: true, out problem))
        {
            return problem;
        }

        if (await ReadJsonAsync(http) is not { } json)
        {
            return MalformedJson;
        }

        if (UserBody.Read(json, out var errors) is not { } body)
        {
            return Problem.Invalid(errors);
        }

        var returnUser = PrefersRepresentation(http.Request);
        var result = await store.PutAsync(userId, body, precondition, returnUser, http.RequestAborted)
            .AuditAsync(audit, http, userId, AuditedWrites.Put);
        return Written(http, userId, result, returnUser);
    }

    private static async Task<IResult> Patch(string id, HttpContext http, IUserStore store, AuditLog audit)
    {
        if (!TryReadTarget(id, http, out var userId, out var precondition, out var problem))
        {
            return problem;
        }

        if (!HasContentType(http, MergePatch, isOptional: false, out problem))
        {
            http.Response.Headers["Accept-Patch"] = MergePatch; // RFC 5789 section 2.2
            return problem;
        }

        if (await ReadJsonAsync(http) is not { } json)
        {
            return MalformedJson;
        }

        Dictionary<string, string[]> errors = [];
        var result = await store.UpdateAsync(userId, user => user.Merge(json, out errors), precondition, http.RequestAborted)
            .AuditAsync(audit, http, userId, AuditedWrites.Update);
        return result.Outcome == WriteOutcome.Unchanged
            ? Problem.Invalid(errors)
            : Written(http, userId, result, PrefersRepresentation(http.Request));
    }

    private static async Task<IResult> Delete(string id, HttpContext http, IUserStore store, AuditLog audit)
    {
        if (!TryReadTarget(id, http, out var userId, out var precondition, out var problem))
        {
            return problem;
        }

        var result = await store.DeleteAsync(userId, precondition, http.RequestAborted).AuditAsync(audit, http, userId, AuditedWrites.Delete);
        return Written(http, userId, result, returnUser: false);
    }

    private static IResult Written(HttpContext http, UserId id, WriteResult result, bool returnUser)
    {
        switch (result.Outcome)
        {
            case WriteOutcome.NotFound:
                return NotFound;
            case WriteOutcome.PreconditionFailed:
                return PreconditionFailed;
            case WriteOutcome.Deleted:
                return TypedResults.NoContent();
            case WriteOutcome.Created:
                http.Response.Headers.Location = $"{http.Request.PathBase}{Path}/{Uri.EscapeDataString(id.Value)}";
                break;
        }

        var isCreated = result.Outcome == WriteOutcome.Created;
        if (returnUser)
        {
            http.Response.Headers["Preference-Applied"] = "return=representation";
            return UserResult(isCreated ? StatusCodes.Status201Created : StatusCodes.Status200OK, result.User!);
        }

        return new TaggedResult(isCreated ? StatusCodes.Status201Created : StatusCodes.Status204NoContent, result.Version!);
    }

    private static Problem NotFound { get; } = new(StatusCodes.Status404NotFound, "There is no user with this id.") { Error = "User not found" };

    private static Problem PreconditionFailed { get; } =
        new(StatusCodes.Status412PreconditionFailed, "What is there now is not what If-Match or If-None-Match asks for.");

    private static Problem MalformedJson { get; } = new(StatusCodes.Status400BadRequest, "The body is not valid JSON, or names a member twice.");

    private static Problem Malformed(string header) =>
        new(StatusCodes.Status400BadRequest, $"{header} is not a list of entity tags (RFC 9110 section 8.8.3).");

    private static TaggedResult<User> UserResult(int status, User user) => new(status, user.Version, user, UserJson.Readable.User);

    private static bool TryReadTarget(
        string id, HttpContext http, out UserId userId, out Precondition precondition, [NotNullWhen(false)] out IResult? problem)
    {
        precondition = default;
        problem =
            !UserId.TryParse(id, out userId, out var error) ? Problem.Invalid("id", error) :
            !Precondition.TryRead(http.Request.Headers, out precondition, out var malformed) ? Malformed(malformed) :
            null;
        return problem is null;
    }

    private static bool TryReadPage(IQueryCollection query, out UserId? after, out int limit, out Dictionary<string, string[]> errors)
    {
        errors = [];
        after = null;
        limit = DefaultPageSize;
        if (query.TryGetValue("limit", out var limits) && !(limits.Count == 1
            && int.TryParse(limits[0], NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is > 0 and <= MaxPageSize))
        {
            errors["limit"] = [$"A number from 1 to {MaxPageSize} is required."];
        }

        if (query.TryGetValue("after", out var afters))
        {
            if (afters.Count == 1 && UserId.TryParse(afters[0] ?? "", out var id, out _))
            {
                after = id;
            }
            else
            {
                errors["after"] = ["The id of a user is required."];
            }
        }

        return errors.Count == 0;
    }

    private static bool HasContentType(HttpContext http, string expected, bool isOptional, [NotNullWhen(false)] out IResult? problem)
    {
        var contentType = http.Request.ContentType;
        var isExpected = contentType is null
            ? isOptional
            : MediaTypeHeaderValue.TryParse(contentType, out var type)
                && type.MediaType.Equals(expected, StringComparison.OrdinalIgnoreCase)
                && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase));
        problem = isExpected ? null : new Problem(StatusCodes.Status415UnsupportedMediaType, $"The body is to be {expected} in UTF-8.");
        return isExpected;
    }

    /// <summary>Reads the whole body as JSON; no body at all is JSON null. Null means malformed.</summary>
    private static async ValueTask<JsonElement?> ReadJsonAsync(HttpContext http)
    {
        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (read.IsCompleted)
            {
                var json = ParseJson(read.Buffer);
                reader.AdvanceTo(read.Buffer.End);
                return json;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static JsonElement? ParseJson(ReadOnlySequence<byte> body)
    {
        try
        {
            // The parser looks at the bytes of a string only when it is read: never, for a member that is ignored.
            var json = body.IsSingleSegment ? body.FirstSpan : body.ToArray();
            return json.IsEmpty ? s_null : Utf8.IsValid(json) ? JsonElement.Parse(json, s_strictJson) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a member's name with an escaped lone surrogate.
            return null;
        }
    }

    // The first "return" counts, and what follows a semicolon belongs to the preference before it (RFC 7240 section 2).
    private static bool PrefersRepresentation(HttpRequest request)
    {
        foreach (var preference in request.Headers.GetCommaSeparatedValues("Prefer"))
        {
            if (NameValueHeaderValue.TryParse(preference.Split(';')[0], out var named)
                && named.Name.Equals("return", StringComparison.OrdinalIgnoreCase))
            {
                return HeaderUtilities.RemoveQuotes(named.Value).Equals("representation", StringComparison.OrdinalIgnoreCase);
            }
        }

        return false;
    }

    // The versions stand for the users' whole states, so they stand for the page.
    private static string TagOf(UserPage page)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var user in page.Items)
        {
            hash.AppendData(Encoding.ASCII.GetBytes(user.Version));
        }

        hash.AppendData([page.Next is null ? (byte)0 : (byte)1]);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    /// <summary>An answer with a strong entity tag and no body.</summary>
    private class TaggedResult(int status, string version) : IResult
    {
        public virtual Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            httpContext.Response.Headers.ETag = $"\"{version}\"";
            return Task.CompletedTask;
        }
    }

    /// <summary>The head of a JSON answer that is not made, and whose length is not known.</summary>
    private sealed class JsonHead(string? version = null) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = JsonUtf8;
            httpContext.Response.Headers.ETag = version is null ? default : $"\"{version}\"";
            return Task.CompletedTask;
        }
    }

    /// <summary>An answer with a strong entity tag and the body that it names.</summary>
    private sealed class TaggedResult<T>(int status, string version, T body, JsonTypeInfo<T> type) : TaggedResult(status, version)
    {
        public override Task ExecuteAsync(HttpContext httpContext)
        {
            base.ExecuteAsync(httpContext);
            return httpContext.Response.WriteJsonAsync(body, type, JsonUtf8);
        }
    }
}
