namespace UserApi.Api;

/// <summary>
/// <c>UserApi.Api --probe URL</c>: the health check of a container whose image has neither a shell nor curl. The exit code is 0 if the
/// response is 2xx within the timeout, otherwise 1.
/// </summary>
internal static class HealthCheckCommand
{
    // Shorter than the 5 s after which ECS and Docker abort a check.
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(3);

    public static async Task<int> RunAsync(string[] target)
    {
        if (target is not [var url])
        {
            await Console.Error.WriteLineAsync("UserApi --probe takes one URL.");
            return 1;
        }

        try
        {
            using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = s_timeout };
            using var response = await client.GetAsync(url);
            response.EnsureSuccessStatusCode();
            return 0;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or InvalidOperationException or UriFormatException)
        {
            await Console.Error.WriteLineAsync($"UserApi --probe {url}: {e.Message}");
            return 1;
        }
    }
}
