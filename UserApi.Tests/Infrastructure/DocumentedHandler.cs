using System.Net;
using System.Text.RegularExpressions;
using NJsonSchema;
using NSwag;

namespace UserApi.Tests.Infrastructure;

/// <summary>
/// Checks the status, headers, media type and body of every response against the committed <c>openapi.json</c>. Responses to paths and
/// methods that are not in the document are not checked.
/// </summary>
internal sealed partial class DocumentedHandler : DelegatingHandler
{
    private static readonly Lazy<Task<OpenApiDocument>> s_document =
        new(async () => await OpenApiDocument.FromJsonAsync(await File.ReadAllTextAsync(Repository.File("openapi.json"))));

    // Headers that any server may send. Content headers are not among them, because the body is checked separately.
    private static readonly HashSet<string> s_general = new(StringComparer.OrdinalIgnoreCase)
    {
        "Date", "Connection", "Transfer-Encoding", "Cache-Control", "X-Content-Type-Options", "Pragma", "Keep-Alive", "Vary",
        "Access-Control-Allow-Origin", "Access-Control-Expose-Headers",
    };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        // Kestrel refuses a target or headers that are too long before the request reaches an operation.
        if (response.StatusCode is not (HttpStatusCode.RequestUriTooLong or HttpStatusCode.RequestHeaderFieldsTooLarge) && await FindAsync(request) is { } operation)
        {
            await response.Content.LoadIntoBufferAsync(cancellationToken);
            await CheckAsync(request, operation, response);
        }

        return response;
    }

    private static async Task<OpenApiOperation?> FindAsync(HttpRequestMessage request)
    {
        var document = await s_document.Value;
        var path = request.RequestUri!.AbsolutePath;
        var template = path.Split('/') is ["", "users", not ""] ? "/users/{id}" : path;
        var method = request.Method == HttpMethod.Head ? "get" : request.Method.Method.ToLowerInvariant();
        return document.Paths.TryGetValue(template, out var item) ? item.GetValueOrDefault(method) : null;
    }

    private static async Task CheckAsync(HttpRequestMessage request, OpenApiOperation operation, HttpResponseMessage response)
    {
        var what = $"{request.Method} {request.RequestUri!.AbsolutePath} returned {(int)response.StatusCode}";
        if (!operation.Responses.TryGetValue($"{(int)response.StatusCode}", out var documented))
        {
            Assert.Fail($"{what}, which is not documented.");
        }

        var unknown = response.Headers.Select(header => header.Key).Where(name => !s_general.Contains(name) && !documented.Headers.ContainsKey(name));
        Assert.True(!unknown.Any(), $"{what} with {string.Join(", ", unknown)}, which is not documented.");

        var body = await response.Content.ReadDecodedAsync();
        if (request.Method == HttpMethod.Head || body.Length == 0)
        {
            return;
        }

        var mediaType = response.Content.Headers.ContentType?.MediaType ?? "";
        Assert.True(documented.Content.ContainsKey(mediaType), $"{what} with {mediaType}, which is not documented.");
        var errors = documented.Content[mediaType].Schema.Validate(SurrogatePair().Replace(body, "x"), SchemaType.OpenApi3);
        Assert.True(errors.Count == 0, $"{what} with a body that does not match its schema: {string.Join("; ", errors)} {body}");
    }

    // The length of a string counts code points (JSON Schema Validation section 6.3.1), but NJsonSchema counts UTF-16 code units.
    [GeneratedRegex(@"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|[\uD800-\uDBFF][\uDC00-\uDFFF]")]
    private static partial Regex SurrogatePair();
}
