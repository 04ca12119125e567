using System.Globalization;
using Microsoft.AspNetCore.WebUtilities;
using UserApi.Api.Http;

namespace UserApi.Api.Docs;

/// <summary>
/// Documents on a route what its handler accepts and returns. <see cref="OpenApiPathsFilter"/> makes the OpenAPI document from it, and the
/// tests check every response of the API against that document.
/// </summary>
internal static class EndpointDocs
{
    /// <summary>Documents parameters.</summary>
    public static TBuilder Takes<TBuilder>(this TBuilder endpoint, params ParameterDocs[] parameters)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata([.. parameters]);

    /// <summary>Documents the request's body.</summary>
    public static TBuilder TakesBody<TBuilder>(this TBuilder endpoint, string mediaType, string description, object example)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new BodyDocs(mediaType, description, example));

    /// <summary>Documents a response without a body.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoint, int status, string description, params HeaderDocs[] headers)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new ResponseDocs(status, description, headers));

    /// <summary>Documents a response with a JSON body of the type of <paramref name="example"/>.</summary>
    public static TBuilder AnswersWith<TBuilder>(this TBuilder endpoint, int status, string description, object example, params HeaderDocs[] headers)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(new ResponseDocs(status, description, headers) { Example = example });

    /// <summary>Documents problems by the problems themselves, so that no text is repeated.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoint, params Problem[] problems)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata([.. problems.Select(Describe)]);

    /// <summary>Documents a problem whose response has further headers.</summary>
    public static TBuilder Answers<TBuilder>(this TBuilder endpoint, Problem problem, HeaderDocs header)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.WithMetadata(Describe(problem) with { Headers = [header] });

    private static ResponseDocs Describe(Problem problem) => new(problem.Status, $"{ReasonPhrases.GetReasonPhrase(problem.Status)}.", HeadersOf(problem))
    {
        MediaType = Problem.ContentType,
        Example = problem,
    };

    private static HeaderDocs[] HeadersOf(Problem problem) => problem.RetryAfter is { } seconds
        ? [new("Retry-After", "The seconds to wait before another attempt (RFC 9110 section 10.2.3).", seconds.ToString(CultureInfo.InvariantCulture))]
        : [];
}
