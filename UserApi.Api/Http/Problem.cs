using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.WebUtilities;

namespace UserApi.Api.Http;

/// <summary>An error response: <c>application/problem+json</c>, whatever the client accepts.</summary>
/// <param name="Status">The HTTP status code.</param>
/// <param name="Detail">What is wrong in this request, for a person to read.</param>
internal sealed record Problem(int Status, string? Detail = null) : IResult
{
    /// <summary>The media type of RFC 9457 section 3.</summary>
    public const string ContentType = "application/problem+json";

    /// <summary>Distinguishes this problem from others with the same status (RFC 9457 section 3.1.1); null if the status is enough.</summary>
    public ProblemKind? Kind { get; init; }

    /// <summary>What is wrong, by the name of the field of the body, path or query.</summary>
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    /// <summary>The <c>error</c> member of simple-user-api, for clients that look for it.</summary>
    public string? Error { get; init; }

    /// <summary>When it is worth trying again, in seconds: the <c>Retry-After</c> header (RFC 9110 section 10.2.3).</summary>
    public int? RetryAfter { get; init; } = Status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable ? 1 : null;

    /// <summary>429.</summary>
    internal static Problem RateLimited { get; } = new(StatusCodes.Status429TooManyRequests, "This caller makes too many requests. Wait as long as Retry-After says.");

    /// <summary>500: nothing of the cause leaves the process.</summary>
    internal static Problem Unexpected { get; } = new(StatusCodes.Status500InternalServerError);

    /// <summary>503: a write was not confirmed in time.</summary>
    internal static Problem OutcomeUnknown { get; } = new(
        StatusCodes.Status503ServiceUnavailable, "The request took too long; the change may have been applied all the same. Read the user before you change it again.")
    {
        Kind = new("/problems/outcome-unknown", "Outcome unknown"),
    };

    /// <summary>422: the request was understood and breaks a rule.</summary>
    /// <param name="errors">What is wrong, by field.</param>
    public static Problem Invalid(IReadOnlyDictionary<string, string[]> errors) =>
        new(StatusCodes.Status422UnprocessableEntity, "One or more fields are not valid: errors says which, and what they must be.") { Errors = errors };

    /// <summary>422 for one field.</summary>
    /// <param name="field">The field's name.</param>
    /// <param name="error">What is wrong with it.</param>
    public static Problem Invalid(string field, string error) => Invalid(new Dictionary<string, string[]> { [field] = [error] });

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        if (RetryAfter is { } seconds)
        {
            response.Headers.RetryAfter = seconds.ToString();
        }

        var body = ToBody(Activity.Current?.TraceId.ToHexString() ?? httpContext.TraceIdentifier);
        return response.WriteJsonAsync(body, ProblemJson.Readable.ProblemBody, ContentType);
    }

    /// <summary>The body of the response.</summary>
    internal ProblemBody ToBody(string traceId) =>
        new(Kind?.Type ?? "about:blank", Kind?.Title ?? ReasonPhrases.GetReasonPhrase(Status), Status, Detail, traceId, Errors, Error);
}

/// <summary>A kind of problem with its own name.</summary>
/// <param name="Type">Its URI reference, documented in docs/api.md.</param>
/// <param name="Title">Its name for people; the same for each problem of the kind.</param>
internal sealed record ProblemKind(string Type, string Title);

/// <summary>The members of RFC 9457 section 3.1, and this API's own.</summary>
/// <param name="Type">The kind of the problem; <c>about:blank</c> if the status code is enough.</param>
/// <param name="Title">The kind in words, otherwise the status code in words.</param>
/// <param name="Status">The status code.</param>
/// <param name="Detail">What is wrong in this request, for a person to read.</param>
/// <param name="TraceId">The W3C trace id, for finding the request in traces and logs.</param>
/// <param name="Errors">What is wrong, by the name of the field of the body, path or query.</param>
/// <param name="Error">The <c>error</c> member of simple-user-api.</param>
[DisplayName("Problem")]
internal sealed record ProblemBody(
    [property: Description("The kind of the problem; about:blank if the status is enough."), DataType("uri-reference")] string Type,
    [property: Description("The kind in words, otherwise the status in words.")] string Title,
    [property: Description("The HTTP status code.")] int Status,
    [property: Description("What is wrong in this request, for a person to read.")] string? Detail,
    [property: Description("Finds the request in traces and logs.")] string TraceId,
    [property: Description("What is wrong, by the name of the field.")] IReadOnlyDictionary<string, string[]>? Errors,
    [property: Description("The same member as in simple-user-api.")] string? Error);

[JsonSerializable(typeof(ProblemBody))]
internal sealed partial class ProblemJson : JsonSerializerContext
{
    /// <summary>What clients read, see <see cref="JsonText.Options"/>.</summary>
    public static ProblemJson Readable { get; } = new(JsonText.Options());
}
