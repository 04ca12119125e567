using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace UserApi.Tests.Infrastructure;

/// <summary>What the tests of the HTTP contract do and look at again and again.</summary>
internal static class HttpSteps
{
    public const string Ana = """{"name":"Ana"}""";
    public const string Json = "application/json";
    public const string MergePatch = "application/merge-patch+json";

    private static readonly UriCreationOptions s_asItIs = new() { DangerousDisablePathAndQueryCanonicalization = true };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Sends a request as it is: the target is not normalized, headers are not checked.</summary>
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

    /// <summary>Sends bytes that no HTTP client would, and reads all that comes until the server closes, or resets, the connection.</summary>
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
            // A server that has answered resets a connection whose request goes on.
        }

        return Encoding.Latin1.GetString(answer.ToArray());
    }

    /// <summary>The answer's strong entity tag, quotes included.</summary>
    public static string Tag(this HttpResponseMessage response)
    {
        var tag = Assert.Single(response.Headers.GetValues("ETag"));
        Assert.Matches("^\"[!#-~]+\"$", tag);
        return tag;
    }

    public static Task<string> Text(this HttpResponseMessage response) => response.Content.ReadAsStringAsync(Cancellation);

    public static async Task<JsonElement> Read(this HttpResponseMessage response) => JsonElement.Parse(await response.Text());

    public static async Task<HttpResponseMessage> Is(this HttpResponseMessage response, HttpStatusCode status)
    {
        if (status != response.StatusCode)
        {
            Assert.Fail($"{status} expected, got {response.StatusCode}: {await response.Text()}");
        }

        return response;
    }

    public static async Task<HttpResponseMessage> Is(this Task<HttpResponseMessage> answer, HttpStatusCode status) =>
        await (await answer).Is(status);

    /// <summary>The names of an object's members, in order.</summary>
    public static IEnumerable<string> Members(this JsonElement json) =>
        json.EnumerateObject().Select(member => member.Name).Order(StringComparer.Ordinal);

    /// <summary>Asserts that the answer is a problem of RFC 9457 with this status, and returns it.</summary>
    public static async Task<JsonElement> IsProblem(this Task<HttpResponseMessage> answer, HttpStatusCode status)
    {
        var response = await answer.Is(status);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await response.Read();
        Assert.Equal((int)status, problem.GetProperty("status").GetInt32());
        var isUnknown = problem.TryGetProperty("detail", out var detail) && detail.GetString()!.Contains("may have been applied", StringComparison.Ordinal);
        var expected =
            isUnknown ? "/problems/outcome-unknown" :
            status == HttpStatusCode.Conflict && problem.TryGetProperty("errors", out var errors) && errors.TryGetProperty("email", out _) ? "/problems/email-taken" :
            "about:blank";
        Assert.Equal(expected, problem.GetProperty("type").GetString());
        Assert.NotEmpty(problem.GetProperty("title").GetString()!);
        Assert.Matches("^[0-9a-f]{32}$", problem.GetProperty("traceId").GetString());
        return problem;
    }

    /// <summary>Waits until users can be found: what the API does in the background after its start is then done.</summary>
    public static async Task WaitForIndexesAsync(this HttpClient client)
    {
        while ((await client.GetAsync("/users?sort=name&limit=1", TestContext.Current.CancellationToken)).StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Asserts that the answer is a 422 with errors for this field.</summary>
    public static async Task IsInvalid(this Task<HttpResponseMessage> answer, string field)
    {
        var problem = await answer.IsProblem(HttpStatusCode.UnprocessableEntity);
        var errors = problem.GetProperty("errors");
        Assert.True(errors.TryGetProperty(field, out var messages), $"No error for {field} in {problem}");
        Assert.NotEmpty(messages.EnumerateArray().Single().GetString()!);
    }
}
