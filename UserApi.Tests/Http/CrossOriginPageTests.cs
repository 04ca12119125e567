using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Http;

/// <summary>Calls the API from a page of another origin, in a real browser, which enforces what the API allows.</summary>
public sealed class CrossOriginPageTests : IAsyncLifetime
{
    private readonly WebApplication _pages;

    public CrossOriginPageTests()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _pages = builder.Build();
        _pages.Urls.Add("http://127.0.0.1:0");
        _pages.MapGet("/", () => Results.Content("<!doctype html><title>Another origin</title><link rel=icon href=data:,>", "text/html"));
    }

    /// <summary>The origin of the pages. Under the name <c>localhost</c>, the same server is another origin.</summary>
    private Uri Origin => new(_pages.Urls.Single());

    public async ValueTask InitializeAsync() => await _pages.StartAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync() => await _pages.DisposeAsync();

    [Fact]
    public async Task A_page_of_an_allowed_origin_writes_on_a_condition_and_reads_the_headers()
    {
        // The burst allows exactly the first five requests below, so preflights must not count.
        await using var api = Allow(("Limits:RequestsPerSecondPerCaller", "1"), ("Limits:BurstPerCaller", "5"));
        using var browser = Browser.Start();
        browser.Open(Origin);

        var read = browser.RunAsync($$"""
            const users = "{{api.Address}}users";
            const send = (path, method, body, headers = {}) =>
                fetch(users + path, { method, body: body && JSON.stringify(body), headers: { "Content-Type": "application/json", ...headers } });
            const created = await send("/ana", "PUT", { name: "Ana" });
            const tag = created.headers.get("ETag");
            const replaced = await send("/ana", "PUT", { name: "Ana Lima" }, { "If-Match": tag, "Prefer": "return=minimal" });
            const lost = await send("/ana", "PUT", { name: "Anna" }, { "If-Match": tag });
            const made = await send("", "POST", { name: "Eve" });
            const page = await send("?limit=1", "GET");
            const refused = await send("/ana", "GET");
            return [
                created.status, /^"[0-9a-f]+"$/.test(tag), created.headers.get("Location"),
                replaced.status, replaced.headers.get("Preference-Applied"), replaced.headers.get("ETag") !== tag,
                lost.status, (await lost.json()).title,
                made.status, made.headers.get("Location").startsWith("/users/"),
                page.status, page.headers.get("Link").includes("rel=\"next\""), (await page.json()).items.length,
                refused.status, refused.headers.get("Retry-After"),
            ].join(" ");
            """);

        Assert.Equal("201 true /users/ana 204 return=minimal true 412 Precondition Failed 201 true 200 true 1 429 1", read);
    }

    [Fact]
    public async Task A_page_of_another_origin_gets_nothing_and_changes_nothing()
    {
        await using var api = Allow();
        using var client = api.CreateClient();
        using var browser = Browser.Start();
        browser.Open(new UriBuilder(Origin) { Host = "localhost" }.Uri);

        var read = browser.RunAsync($$"""
            const users = "{{api.Address}}users";
            const outcome = call => call.then(response => response.status, error => error.name);
            const put = await outcome(fetch(users + "/ana", { method: "PUT", body: '{"name":"Ana"}', headers: { "Content-Type": "application/json" } }));
            const get = await outcome(fetch(users));
            return location.hostname + " " + put + " " + get;
            """);

        Assert.Equal("localhost TypeError TypeError", read);
        Assert.Contains(browser.Errors, error => error.Contains("CORS policy", StringComparison.Ordinal));
        await client.Get("ana").IsProblem(System.Net.HttpStatusCode.NotFound);
    }

    private ApiFactory Allow(params (string, string)[] settings) => new([("Cors:AllowedOrigins:0", Origin.GetLeftPart(UriPartial.Authority)), .. settings]);
}
