using System.Text.Json.Nodes;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

/// <summary>Opens <c>/docs</c> as a person does, in a real browser.</summary>
public class DocsPageTests
{
    [Fact]
    public async Task A_user_is_put_through_the_page()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        using var browser = StartBrowser();
        browser.Url = new Uri(api.Address, "/docs").ToString();

        Find(".opblock-put .opblock-summary-control").Click();
        Type(".opblock-put tr[data-param-name=id] input", "from-the-page");
        Type(".opblock-put textarea.body-param__text", """{"name":"Ana of the page"}""");
        Find(".opblock-put button.execute").Click();

        Assert.Equal("201", Find(".opblock-put .live-responses-table .response .response-col_status").Text.Trim());
        Assert.Contains("Ana of the page", await client.GetStringAsync("/users/from-the-page", TestContext.Current.CancellationToken));
        Assert.Empty(browser.Manage().Logs.GetLog(LogType.Browser).Where(entry => entry.Level == LogLevel.Severe).Select(entry => entry.Message));
        var requests = RequestedUrls(browser).Where(url => url.Scheme is not ("data" or "blob" or "about")).ToList();
        Assert.Contains(requests, url => url.AbsolutePath == "/openapi.json");
        Assert.All(requests, url => Assert.Equal(api.Address.Authority, url.Authority));

        IWebElement Find(string selector) =>
            Wait(() => browser.FindElements(By.CssSelector(selector)).FirstOrDefault(element => element.Displayed && element.Enabled), selector);

        void Type(string selector, string text)
        {
            var field = Find(selector);
            field.SendKeys(Keys.Control + "a");
            field.SendKeys(text);
        }
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

    private static ChromeDriver StartBrowser()
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
        return new(ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(driver), Path.GetFileName(driver)), options);
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
