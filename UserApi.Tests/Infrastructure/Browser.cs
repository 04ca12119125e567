using System.Text.Json.Nodes;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;

namespace UserApi.Tests.Infrastructure;

/// <summary>A real browser: headless Chromium. Tests that start it are skipped if it is not installed.</summary>
internal sealed class Browser : IDisposable
{
    private readonly TemporaryFolder _temporary = new();
    private readonly ChromeDriver _driver;

    private Browser(ChromeDriverService service, ChromeOptions options)
    {
        service.DriverProcessStarting += (_, start) => start.DriverServiceProcessStartInfo.Environment["TMPDIR"] = _temporary.Path;
        _driver = new(service, options);
    }

    /// <summary>The errors that the browser has reported since the last read.</summary>
    public List<string> Errors =>
        [.. _driver.Manage().Logs.GetLog(LogType.Browser).Where(entry => entry.Level == LogLevel.Severe).Select(entry => entry.Message)];

    /// <summary>The URLs that the browser has requested since the last read.</summary>
    public IEnumerable<Uri> RequestedUrls =>
        from entry in _driver.Manage().Logs.GetLog("performance")
        let message = JsonNode.Parse(entry.Message)!["message"]!
        where (string)message["method"]! == "Network.requestWillBeSent"
        select new Uri((string)message["params"]!["request"]!["url"]!);

    public static Browser Start()
    {
        var browser = Programs.Find("chromium", "chromium-browser", "google-chrome");
        var driver = Programs.Find("chromedriver");
        Assert.SkipWhen(
            browser is null || driver is null,
            "Chromium and chromedriver must be on the PATH (Debian: apt-get install chromium chromium-driver).");

        var options = new ChromeOptions { BinaryLocation = browser };
        options.AddArguments("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-quic");
        options.AddArguments("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,2000");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        options.SetLoggingPreference("performance", LogLevel.All);
        return new(ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(driver), Path.GetFileName(driver)), options);
    }

    public void Open(Uri page) => _driver.Url = page.ToString();

    public object? Run(string script) => _driver.ExecuteScript(script);

    /// <summary>Runs the body of an async function in the page and returns its result.</summary>
    public string? RunAsync(string script) => (string?)_driver.ExecuteAsyncScript(
        $"const done = arguments[arguments.length - 1]; (async () => {{ {script} }})().then(done, error => done(String(error)));");

    /// <summary>Waits until the page shows a matching element that is enabled.</summary>
    public IWebElement Find(string selector)
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            if (_driver.FindElements(By.CssSelector(selector)).FirstOrDefault(element => element.Displayed && element.Enabled) is { } found)
            {
                return found;
            }

            Thread.Sleep(100);
        }

        throw new TimeoutException($"The page does not show {selector}.");
    }

    /// <summary>The matching elements that are visible now.</summary>
    public IReadOnlyList<IWebElement> FindAll(string selector) => [.. _driver.FindElements(By.CssSelector(selector)).Where(element => element.Displayed)];

    public void Type(string selector, string text)
    {
        var field = Find(selector);
        field.SendKeys(Keys.Control + "a");
        field.SendKeys(text);
    }

    public void Dispose()
    {
        _driver.Dispose();
        _temporary.Dispose();
    }
}
