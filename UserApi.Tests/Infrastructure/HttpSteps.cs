using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace UserApi.Tests.Infrastructure;

/// <summary>Requests and assertions that the tests of the HTTP contract share.</summary>
internal static class HttpSteps
{
    public const string Ana = """{"name":"Ana"}""";
    public const string Json = "application/json";
    public const string MergePatch = "application/merge-patch+json";

    // See docs/api.md, "Errors".
    private static readonly ILookup<HttpStatusCode, string> s_types = Enum.GetValues<HttpStatusCode>().Distinct().Select(status => (status, "about:blank"))
        .Append((HttpStatusCode.NotFound, "/problems/user-not-found"))
        .Append((HttpStatusCode.UnprocessableEntity, "/problems/database-rule"))
        .Append((HttpStatusCode.Conflict, "/problems/email-taken"))
        .Append((HttpStatusCode.ServiceUnavailable, "/problems/index-not-ready"))
        .Append((HttpStatusCode.ServiceUnavailable, "/problems/busy"))
        .Append((HttpStatusCode.ServiceUnavailable, "/problems/outcome-unknown"))
        .ToLookup(type => type.Item1, type => type.Item2);

    private static readonly UriCreationOptions s_asItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Sends a request unchanged: the target is not normalized and headers are not checked.</summary>
    public static async Task<HttpResponseMessage> Send(
        this HttpClient client, string method, string target, HttpContent? body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new(method), new Uri($"{client.BaseAddress!.ToString().TrimEnd('/')}{target}", s_asItIs));
        request.Content = body;
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await client.SendAsync(request, Cancellation);
    }

    public static Task<HttpResponseMessage> Send(
        this HttpClient client, string method, string target, params (string Name, string Value)[] headers) =>
        client.Send(method, target, null, headers);

    public static Task<HttpResponseMessage> Get(this HttpClient client, string id, params (string Name, string Value)[] headers) =>
        client.Send("GET", Path(id), headers);

    public static Task<HttpResponseMessage> Put(
        this HttpClient client, string id, string body = Ana, params (string Name, string Value)[] headers) =>
        client.Send("PUT", Path(id), Body(body), headers);

    public static Task<HttpResponseMessage> Patch(
        this HttpClient client, string id, string body, params (string Name, string Value)[] headers) =>
        client.Send("PATCH", Path(id), Body(body, MergePatch), headers);

    public static Task<HttpResponseMessage> Delete(this HttpClient client, string id, params (string Name, string Value)[] headers) =>
        client.Send("DELETE", Path(id), headers);

    /// <summary>The Authorization header with a bearer token.</summary>
    public static (string Name, string Value) Bearer(string token) => ("Authorization", $"Bearer {token}");

    public static string Path(string id) => $"/users/{Uri.EscapeDataString(id)}";

    public static ByteArrayContent Body(string text, string? mediaType = Json) => Body(Encoding.UTF8.GetBytes(text), mediaType);

    public static ByteArrayContent Body(byte[] bytes, string? mediaType = Json)
    {
        var body = new ByteArrayContent(bytes);
        if (mediaType is not null)
        {
            body.Headers.TryAddWithoutValidation("Content-Type", mediaType);
        }

        return body;
    }

    /// <summary>Sends bytes that no HTTP client would send, and reads until the server closes or resets the connection.</summary>
    public static async Task<string> SendRaw(this HttpClient client, string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(client.BaseAddress!.Host, client.BaseAddress.Port, Cancellation);
        await using var stream = socket.GetStream();
        using var answer = new MemoryStream();
        try
        {
            await stream.WriteAsync(Encoding.Latin1.GetBytes(request), Cancellation);
            await stream.CopyToAsync(answer, Cancellation);
        }
        catch (IOException) when (answer.Length > 0)
        {
            // A server that has responded resets the connection if the request continues.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    /// <summary>The response's strong entity tag, including the quotes.</summary>
    public static string Tag(this HttpResponseMessage response)
    {
        var tag = Assert.Single(response.Headers.GetValues("ETag"));
        Assert.Matches("^\"[!#-~]+\"$", tag);
        return tag;
    }

    /// <summary>Reads a body and decompresses it.</summary>
    public static async Task<string> ReadDecodedAsync(this HttpContent content)
    {
        var body = new MemoryStream(await content.ReadAsByteArrayAsync(Cancellation));
        using var reader = new StreamReader(content.Headers.ContentEncoding.SingleOrDefault() switch
        {
            "br" => new BrotliStream(body, CompressionMode.Decompress),
            "gzip" => new GZipStream(body, CompressionMode.Decompress),
            null => body,
            var other => throw new InvalidOperationException($"The content encoding {other} was not requested."),
        });
        return await reader.ReadToEndAsync(Cancellation);
    }

    public static Task<string> Text(this HttpResponseMessage response) => response.Content.ReadAsStringAsync(Cancellation);

    public static async Task<JsonElement> Read(this HttpResponseMessage response) => JsonElement.Parse(await response.Text());

    public static async Task<HttpResponseMessage> Is(this HttpResponseMessage response, HttpStatusCode status)
    {
        if (status != response.StatusCode)
        {
            Assert.Fail($"Expected {status}, got {response.StatusCode}: {await response.Text()}");
        }

        return response;
    }

    public static async Task<HttpResponseMessage> Is(this Task<HttpResponseMessage> answer, HttpStatusCode status) =>
        await (await answer).Is(status);

    public static async Task<int> Status(this Task<HttpResponseMessage> answer)
    {
        using var response = await answer;
        return (int)response.StatusCode;
    }

    /// <summary>The status and the value of <c>WWW-Authenticate</c> in one line.</summary>
    public static async Task<string> Verdict(this Task<HttpResponseMessage> answer)
    {
        using var response = await answer;
        return $"{(int)response.StatusCode} {response.Headers.WwwAuthenticate}".Trim();
    }

    /// <summary>The names of an object's members, in order.</summary>
    public static IEnumerable<string> Members(this JsonElement json) =>
        json.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal);

    /// <summary>Asserts that the response is an RFC 9457 problem with this status, and returns it.</summary>
    public static async Task<JsonElement> IsProblem(this Task<HttpResponseMessage> answer, HttpStatusCode status)
    {
        var response = await answer.Is(status);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await response.Read();
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        var isUnknown = problem.TryGetProperty("detail", out var detail) && detail.GetString()!.Contains("may have been applied", StringComparison.Ordinal);
        var type = problem.GetProperty("type").GetString();
        var names = problem.TryGetProperty("errors", out var errors) && errors.TryGetProperty("email", out _);
        Assert.Equal(isUnknown, type == "/problems/outcome-unknown");
        Assert.Equal(status == HttpStatusCode.Conflict && names, type == "/problems/email-taken");
        Assert.Contains(type, s_types[status]);
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.Matches("^[0-9a-f]{32}$", problem.GetProperty("traceId").GetString());
        return problem;
    }

    /// <summary>Waits until users can be searched: the work in the background after the start is then done.</summary>
    public static async Task WaitForIndexesAsync(this HttpClient client, params (string Name, string Value)[] headers)
    {
        while ((await client.Send("GET", "/users?sort=name&limit=1", headers)).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            await Task.Delay(10, Cancellation);
        }
    }

    /// <summary>Asserts that the response is a 422 with one error for this field.</summary>
    public static async Task IsInvalid(this Task<HttpResponseMessage> answer, string field)
    {
        var problem = await answer.IsProblem(HttpStatusCode.UnprocessableEntity);
        var errors = problem.GetProperty("errors");
        Assert.True(errors.TryGetProperty(field, out var messages), $"No error for {field} in {problem}");
        Assert.NotEmpty(messages.EnumerateArray().Single().GetString()!);
    }
}
