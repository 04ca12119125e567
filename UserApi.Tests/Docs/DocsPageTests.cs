using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

/// <summary>Opens <c>/docs</c> in a real browser, as a person does.</summary>
public class DocsPageTests
{
    [Fact]
    public async Task A_user_is_put_through_the_page()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        using var browser = Browser.Start();
        browser.Open(new Uri(api.Address, "/docs"));

        browser.Find(".opblock-put .opblock-summary-control").Click();
        browser.Type(".opblock-put tr[data-param-name=id] input", "from-the-page");
        browser.Type(".opblock-put textarea.body-param__text", """{"name":"Ana of the page"}""");
        browser.Find(".opblock-put button.execute").Click();

        Assert.Equal("201", browser.Find(".opblock-put .live-responses-table .response .response-col_status").Text.Trim());
        Assert.Contains("Ana of the page", await client.GetStringAsync("/users/from-the-page", TestContext.Current.CancellationToken));
        Assert.Empty(browser.Errors);
        var requests = browser.RequestedUrls.Where(url => url.Scheme is not ("data" or "blob" or "about")).ToList();
        Assert.Contains(requests, url => url.AbsolutePath == "/openapi.json");
        Assert.All(requests, url => Assert.Equal(api.Address.Authority, url.Authority));
    }

    [Fact]
    public async Task The_Authorize_button_takes_a_token_and_a_guarded_call_works_with_it()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var browser = Browser.Start();
        browser.Open(new Uri(api.Address, "/docs"));

        browser.Find(".scheme-container button.authorize").Click();
        browser.Type(".auth-container input", issuer.Token());
        browser.Find(".auth-container button.authorize").Click();
        browser.Find(".auth-container button.btn-done").Click();
        browser.Find(".opblock-put .opblock-summary-control").Click();
        browser.Type(".opblock-put tr[data-param-name=id] input", "from-the-page");
        browser.Find(".opblock-put button.execute").Click();

        Assert.Equal("201", browser.Find(".opblock-put .live-responses-table .response .response-col_status").Text.Trim());
        Assert.Empty(browser.Errors);
    }

    [Fact]
    public async Task The_page_says_what_the_API_is_and_offers_no_choice_of_one()
    {
        await using var api = new ApiFactory();
        using var browser = Browser.Start();
        browser.Open(new Uri(api.Address, "/docs"));

        var document = browser.Find(".info a.link");
        var licence = browser.Find(".info__license a");

        Assert.Equal("/openapi.json", document.Text);
        Assert.Equal(new Uri(api.Address, "/openapi.json").ToString(), document.GetAttribute("href"));
        Assert.Equal(("MIT", "https://opensource.org/license/mit"), (licence.Text, licence.GetAttribute("href")));
        Assert.Empty(browser.FindAll(".topbar, .download-url-wrapper, #select"));
    }

    [Fact]
    public async Task The_Authorize_button_says_that_Development_needs_no_token_and_how_to_make_one()
    {
        await using var api = new ApiFactory();
        using var browser = Browser.Start();

        var text = ReadAuthorize(browser, api);

        Assert.Contains("Not needed here", text);
        Assert.Contains("dotnet user-jwts create --project UserApi.Api --scope users.read --scope users.write", text);
    }

    [Fact]
    public async Task The_Authorize_button_says_which_issuer_to_ask_for_which_scopes()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory([.. issuer.Settings, ("Authentication:ScopePrefix", "userapi/")]);
        using var browser = Browser.Start();

        var text = ReadAuthorize(browser, api);

        Assert.Contains($"Get it from {issuer.Settings.Single(setting => setting.Item1.EndsWith(":Authority", StringComparison.Ordinal)).Item2}", text);
        Assert.Contains("userapi/users.read", text);
        Assert.DoesNotContain("Not needed", text);
        Assert.DoesNotContain("user-jwts", text);
    }

    [Fact]
    public async Task The_page_passes_a_policy_that_lets_in_no_script_of_anybody_else()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        using var browser = Browser.Start();
        browser.Open(new Uri(api.Address, "/docs"));
        browser.Find(".opblock-put");
        Assert.Empty(browser.Errors);

        browser.Run("const script = document.createElement('script'); script.textContent = 'window.injected = 1'; document.body.append(script)");

        Assert.Null(browser.Run("return window.injected"));
        Assert.Contains("Content Security Policy", Assert.Single(browser.Errors), StringComparison.Ordinal);
        foreach (var path in new[] { "/docs/index.html", "/docs/swagger-ui.css" })
        {
            using var page = await client.GetAsync(path, TestContext.Current.CancellationToken);
            Assert.Equal("nosniff", page.Headers.GetValues("X-Content-Type-Options").Single());
            Assert.Equal("no-referrer", page.Headers.GetValues("Referrer-Policy").Single());
            var policy = page.Headers.GetValues("Content-Security-Policy").Single();
            Assert.Contains("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
            Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        }
    }

    private static string ReadAuthorize(Browser browser, ApiFactory api)
    {
        browser.Open(new Uri(api.Address, "/docs"));
        browser.Find(".scheme-container button.authorize").Click();
        return browser.Find(".auth-container").Text;
    }
}
