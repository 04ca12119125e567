using System.Text.Json.Nodes;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using UserApi.Tests.Access;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

/// <summary>Opens <c>/docs</c> as a person does, in a real browser.</summary>
public sealed class DocsPageTests : IDisposable
{
    private readonly TemporaryFolder _temporary = new();

    public void Dispose() => _temporary.Dispose();

    [Fact]
    public async Task A_user_is_put_through_the_page()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        using var browser = StartBrowser();
        browser.Url = new Uri(api.Address, "/docs").ToString();

        Find(browser, ".opblock-put .opblock-summary-control").Click();
        Type(browser, ".opblock-put tr[data-param-name=id] input", "from-the-page");
        Type(browser, ".opblock-put textarea.body-param__text", """{"name":"Ana of the page"}""");
        Find(browser, ".opblock-put button.execute").Click();

        Assert.Equal("201", Find(browser, ".opblock-put .live-responses-table .response .response-col_status").Text.Trim());
        Assert.Contains("Ana of the page", await client.GetStringAsync("/users/from-the-page", TestContext.Current.CancellationToken));
        Assert.Empty(Errors(browser));
        var requests = RequestedUrls(browser).Where(url => url.Scheme is not ("data" or "blob" or "about")).ToList();
        Assert.Contains(requests, url => url.AbsolutePath == "/openapi.json");
        Assert.All(requests, url => Assert.Equal(api.Address.Authority, url.Authority));
    }

    [Fact]
    public async Task The_Authorize_button_takes_a_token_and_a_guarded_call_works_with_it()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = new ApiFactory(issuer.Settings);
        using var browser = StartBrowser();
        browser.Url = new Uri(api.Address, "/docs").ToString();

        Find(browser, ".scheme-container button.authorize").Click();
        Type(browser, ".auth-container input", issuer.Token());
        Find(browser, ".auth-container button.authorize").Click();
        Find(browser, ".auth-container button.btn-done").Click();
        Find(browser, ".opblock-put .opblock-summary-control").Click();
        Type(browser, ".opblock-put tr[data-param-name=id] input", "from-the-page");
        Find(browser, ".opblock-put button.execute").Click();

        Assert.Equal("201", Find(browser, ".opblock-put .live-responses-table .response .response-col_status").Text.Trim());
        Assert.Empty(Errors(browser));
    }

    [Fact]
    public async Task The_page_passes_a_policy_that_lets_in_no_script_of_anybody_else()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        using var browser = StartBrowser();
        browser.Url = new Uri(api.Address, "/docs").ToString();
        Find(browser, ".opblock-put");
        Assert.Empty(Errors(browser));

        browser.ExecuteScript("const script = document.createElement('script'); script.textContent = 'window.injected = 1'; document.body.append(script)");

        Assert.Null(browser.ExecuteScript("return window.injected"));
        Assert.Contains("Content Security Policy", Assert.Single(Errors(browser)), StringComparison.Ordinal);
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

    private static List<string> Errors(ChromeDriver browser) =>
        [.. browser.Manage().Logs.GetLog(LogType.Browser).Where(entry => entry.Level == LogLevel.Severe).Select(entry => entry.Message)];

    private static IWebElement Find(ChromeDriver browser, string selector) =>
        Wait(() => browser.FindElements(By.CssSelector(selector)).FirstOrDefault(element => element.Displayed && element.Enabled), selector);

    private static void Type(ChromeDriver browser, string selector, string text)
    {
        var field = Find(browser, selector);
        field.SendKeys(Keys.Control + "a");
        field.SendKeys(text);
    }

    private static T Wait<T>(Func<T?> find, string what)
        where T : class
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            if (find() is { } found)
            {
                return found;
            }

            Thread.Sleep(100);
        }

        throw new TimeoutException($"The page does not show {what}.");
    }

    private static IEnumerable<Uri> RequestedUrls(ChromeDriver browser) =>
        from entry in browser.Manage().Logs.GetLog("performance")
        let message = JsonNode.Parse(entry.Message)!["message"]!
        where (string)message["method"]! == "Network.requestWillBeSent"
        select new Uri((string)message["params"]!["request"]!["url"]!);

    private ChromeDriver StartBrowser()
    {
        var browser = OnPath("chromium", "chromium-browser", "google-chrome");
        var driver = OnPath("chromedriver");
        Assert.SkipWhen(
            browser is null || driver is null,
            "There is no Chromium with its chromedriver on the PATH (Debian: apt-get install chromium chromium-driver).");

        var options = new ChromeOptions { BinaryLocation = browser };
        options.AddArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic");
        options.AddArguments("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,2000");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        options.SetLoggingPreference("performance", LogLevel.All);
        var service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(driver), Path.GetFileName(driver));
        service.DriverProcessStarting += (_, start) => start.DriverServiceProcessStartInfo.Environment["TMPDIR"] = _temporary.Path;
        return new(service, options);
    }

    private static string? OnPath(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
                .Select(folder => Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name))
                .FirstOrDefault(File.Exists);
            if (found is not null)
            {
                return found;
            }
        }

        return null;
    }
}
