using System.Net.Http.Headers;
using System.Text;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>The calls that the tests of who may call make.</summary>
internal static class Calls
{
    // Each write changes something.
    private static int s_calls;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Calls with exactly this <c>Authorization</c> header, or none, and one header more if need be.</summary>
    public static async Task<HttpResponseMessage> CallAsync(
        this HttpClient client, string method, string path, string? authorization, string? header = null, string? value = null)
    {
        using var request = new HttpRequestMessage(new(method), path);
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        if (header is not null)
        {
            request.Headers.TryAddWithoutValidation(header, value);
        }

        if (method is "PUT" or "PATCH")
        {
            var mediaType = method == "PUT" ? "application/json" : "application/merge-patch+json";
            request.Content = new StringContent($$"""{"name":"Ana {{Interlocked.Increment(ref s_calls)}}"}""", Encoding.UTF8, new MediaTypeHeaderValue(mediaType));
        }

        return await client.SendAsync(request, Cancel);
    }

    /// <summary>The status of a call with this token.</summary>
    public static async Task<int> StatusAsync(this HttpClient client, string method, string path, string? token)
    {
        using var answer = await client.CallAsync(method, path, token is null ? null : $"Bearer {token}");
        return (int)answer.StatusCode;
    }

    /// <summary>What a call for a user that is not there answers, as one line: 404 for those who get in.</summary>
    public static async Task<string> VerdictAsync(this HttpClient client, string? authorization)
    {
        using var answer = await client.CallAsync("GET", "/users/nobody", authorization);
        return $"{(int)answer.StatusCode} {answer.Headers.WwwAuthenticate}".Trim();
    }

    public static HttpClient Client(this ApiFactory api) => new() { BaseAddress = api.Address };
}
