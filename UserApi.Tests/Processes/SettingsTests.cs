using System.Net;
using System.Net.Sockets;
using UserApi.Api.Http;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Processes;

/// <summary>Mistyped, missing and contradictory settings: the program reports each in one line and does not start.</summary>
public sealed class SettingsTests : IDisposable
{
    private const string Authority = "Authentication__Schemes__Bearer__Authority";
    private const string Audience = "Authentication__Schemes__Bearer__ValidAudiences__0";

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task An_address_that_is_taken_is_named_with_the_way_to_choose_another(string host)
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        await AssertRefusedAsync(
            "Development",
            $"Failed to bind to address http://127.0.0.1:{port}: address already in use. Choose another address by --urls=http://localhost:8001 or by ASPNETCORE_URLS.",
            ("--urls", $"http://{host}:{port}"));
    }

    [Theory]
    [InlineData("htp://x")]
    [InlineData("http://127.0.0.1:99999")]
    [InlineData("http://127.0.0.1:abc")] // Kestrel would listen on port 80 of all addresses
    [InlineData("http://127.0.0.1:0/path")]
    [InlineData("8000")]
    public Task An_address_that_is_none_is_refused(string url) => AssertRefusedAsync(
        "Development",
        $"--urls (ASPNETCORE_URLS) must be addresses such as http://localhost:8000, with http or https and a port up to 65535, not '{url}'.",
        ("--urls", url));

    [Theory]
    [InlineData("http://localhost:8000")]
    [InlineData("http://*:80;https://+:443")]
    [InlineData("http://[::1]:8000")]
    [InlineData("HTTP://users.example.org")]
    [InlineData("http://unix:/run/userapi.sock")]
    [InlineData("")]
    public void Each_form_of_address_that_Kestrel_knows_is_left_alone(string urls) =>
        Assert.True(new AddressOptionsValidator().Validate(null, new() { Urls = urls, HttpPorts = "80;8000", HttpsPorts = "" }).Succeeded);

    [Theory]
    [InlineData("99999")]
    [InlineData("abc")]
    public Task A_port_that_is_none_is_refused(string port) => AssertRefusedAsync(
        "Development",
        $"ASPNETCORE_HTTP_PORTS and ASPNETCORE_HTTPS_PORTS must be ports such as 8000, up to 65535, not '{port}'.",
        ("ASPNETCORE_URLS", null),
        ("ASPNETCORE_HTTP_PORTS", port));

    [Fact]
    public Task An_address_of_another_machine_is_refused_with_the_reason_of_the_system() => AssertRefusedAsync(
        "Development",
        // RFC 5737 reserves this address for documentation, so no machine has it.
        "Failed to bind to address 192.0.2.1:8229: ",
        ("--urls", "http://192.0.2.1:8229"));

    [Theory]
    [InlineData("Limits:RequestTimout", "Limits:RequestTimeout")]
    [InlineData("Store:Pth", "Store:Path")]
    [InlineData("Authentication:AllowAnonymos", "Authentication:AllowAnonymous")]
    [InlineData("Authentication:Scheme:Bearer", "Authentication:Schemes")]
    [InlineData("Authentication:Schemes:Baerer:Authority", "Authentication:Schemes:Bearer")]
    [InlineData("Authentication:Schemes:Bearer:Autority", "Authentication:Schemes:Bearer:Authority")]
    [InlineData("Authentication:Schemes:Bearer:SigningKeys:0:Val", "Authentication:Schemes:Bearer:SigningKeys:0:Value")]
    [InlineData("ForwardedHeaders:Network:0", "ForwardedHeaders:Networks")]
    [InlineData("Cors:AllowedOrigin", "Cors:AllowedOrigins")]
    [InlineData("Audit:LogId", "Audit:LogIds")]
    [InlineData("Telemetry:TrustCaller", "Telemetry:TrustCallers")]
    [InlineData("ConnectionStrings:user", "ConnectionStrings:Users")]
    [InlineData("ConnectionStrings:Users2", "ConnectionStrings:Users")]
    public async Task A_name_that_does_not_exist_stops_the_start_in_production_and_is_a_warning_in_development(string name, string nearest)
    {
        // The message names the setting up to the first unknown part.
        var unknown = string.Join(':', name.Split(':').Take(nearest.Split(':').Length));
        var expected = $"{unknown} is not a setting. The nearest name is {nearest} ({nearest.Replace(":", "__", StringComparison.Ordinal)}).";
        var setting = (name.Replace(":", "__", StringComparison.Ordinal), (string?)"mongodb://s3cret/users");
        await AssertRefusedAsync("Production", expected, ("Store__Kind", "Embedded"), setting);

        await using var api = await ApiProcess.StartAsync("Development", ("Store__Path", _folder.File("users.db")), setting);
        await api.KillAsync();
        Assert.Single(api.Output, line => line.Contains("is not a setting", StringComparison.Ordinal));
        Assert.Contains(api.Output, line => line.Contains(expected, StringComparison.Ordinal) && line.Contains("warn", StringComparison.Ordinal));
        Assert.DoesNotContain(api.Output, line => line.Contains("s3cret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Names_of_others_and_of_ASP_NET_Core_are_left_alone()
    {
        await using var api = await ApiProcess.StartAsync(
            "Production",
            ("Store__Kind", "Embedded"), ("Store__Path", _folder.File("users.db")), ("CONNECTIONSTRINGS__ORDERS", "x"), ("ConnectionStrings__USERS", ""),
            ("limits__REQUESTTIMEOUT", "00:00:09"), ("Authentication__Schemes__Bearer__MapInboundClaims", "false"),
            ("Authentication__Schemes__Bearer__ValidIssuers__0", "a"), ("Kestrel__Limits__MaxRequestLineSize", "9000"), ("Other__Name", "x"));
        await api.KillAsync();

        Assert.DoesNotContain(api.Output, line => line.Contains("is not a setting", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("Limits:RequestTimeout must be a time such as 00:00:05; '5' would be 5 days.", "Limits__RequestTimeout=5")]
    [InlineData("Limits:DrainTime must be a time such as 00:00:05; '1' would be 1 days.", "Limits__DrainTime=1")]
    [InlineData("Limits:ShutdownTimeout must be a time such as 00:00:05; '30' would be 30 days.", "Limits__ShutdownTimeout=30")]
    [InlineData("Limits:KeepAliveTimeout must be a time such as 00:00:05, not '75s'.", "Limits__KeepAliveTimeout=75s")]
    [InlineData("Store:Timeout must be a time such as 00:00:05; '2' would be 2 days.", "Store__Timeout=2")]
    [InlineData("Authentication:Schemes:Bearer:RefreshInterval must be a time such as 00:00:05; '60' would be 60 days.", "Authentication__Schemes__Bearer__RefreshInterval=60")]
    [InlineData("Limits:MaxBodyBytes must be a whole number, not '64k'.", "Limits__MaxBodyBytes=64k")]
    [InlineData("Limits:BurstPerCaller must be a whole number, not '5000000000'.", "Limits__BurstPerCaller=5000000000")]
    [InlineData("Audit:LogIds must be true or false, not 'yes'.", "Audit__LogIds=yes")]
    [InlineData("Authentication:Schemes:Bearer:RequireHttpsMetadata must be true or false, not 'no'.", "Authentication__Schemes__Bearer__RequireHttpsMetadata=no")]
    [InlineData("Store:Kind must be Auto, Embedded or MongoDb, not 'Mongo'.", "Store__Kind=Mongo")]
    [InlineData("Store:Kind must be Auto, Embedded or MongoDb, not '7'.", "Store__Kind=7")]
    [InlineData("Store:Path:0 is not a setting. Store:Path has one value.", "Store__Path__0=x")]
    [InlineData("Cors:AllowedOrigins is a list: its first value must be in Cors:AllowedOrigins:0 (Cors__AllowedOrigins__0).", "Cors__AllowedOrigins=https://a.example")]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT must be an address such as http://localhost:4317, not 'nonsense'.", "OTEL_EXPORTER_OTLP_ENDPOINT=nonsense")]
    [InlineData("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT must be an address such as http://localhost:4317, not 'localhost:4317'.", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=localhost:4317")]
    [InlineData("Store:Timeout (00:00:10) must be less than Limits:RequestTimeout (00:00:10): a request would be given up before its caller could be told what the store says.", "Store__Timeout=00:00:10")]
    [InlineData("Authentication:Schemes:Bearer:Authority must be an address such as https://login.example.org/, not 'login.example.org'.", $"{Authority}=login.example.org", $"{Audience}=a")]
    public Task A_value_that_cannot_be_is_refused_with_what_can(string expected, params string[] settings) => AssertRefusedAsync(
        "Production",
        expected,
        [("Store__Kind", "Embedded"), .. settings.Select(setting => setting.Split('=', 2)).Select(pair => (pair[0], (string?)pair[1]))]);

    [Fact]
    public async Task All_that_is_wrong_is_said_at_once()
    {
        var (_, _, errors) = await ApiProcess.RunAsync(
            "Production", ("Authentication__AllowAnonymous", null), ("Cors__AllowedOrigins__0", "x"), ("ForwardedHeaders__Hops", "0"));

        var lines = errors.Trim().Split('\n');
        Assert.Equal(4, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("UserApi does not start. ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_settings_file_that_is_not_JSON_is_refused_in_one_line()
    {
        await File.WriteAllTextAsync(_folder.File("appsettings.json"), "{", Cancel);

        await AssertRefusedAsync("Development", $"Failed to load configuration from file '{_folder.File("appsettings.json")}'", ("--contentRoot", _folder.Path));
    }

    [Theory]
    [InlineData("/dev/null/users.db")]
    [InlineData("/sys/users.db")] // a folder where not even root can create files
    [InlineData("a folder")]
    [InlineData("not a database")]
    public async Task A_file_that_cannot_be_the_store_is_one_line_and_nothing_else(string what)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "This test uses Unix paths.");
        var path = what.StartsWith('/') ? what : _folder.File("users.db");
        switch (what)
        {
            case "a folder":
                Directory.CreateDirectory(path);
                break;
            case "not a database":
                await File.WriteAllTextAsync(path, new string('x', 4096), Cancel);
                break;
        }

        var output = await AssertRefusedAsync("Production", $"The user store '{path}' cannot be opened: ", ("Store__Kind", "Embedded"), ("Store__Path", path));

        Assert.Empty(output.Trim());
    }

    [Fact]
    public Task An_issuer_by_HTTP_is_refused_with_the_cure_before_anybody_meets_it() => AssertRefusedAsync(
        "Production",
        "Authentication:Schemes:Bearer:Authority must begin with https://, because whoever can change 'http://127.0.0.1:9/' on its way can make tokens. "
        + "On a network that you trust, set Authentication:Schemes:Bearer:RequireHttpsMetadata (Authentication__Schemes__Bearer__RequireHttpsMetadata) to false.",
        ("Store__Kind", "Embedded"),
        (Authority, "http://127.0.0.1:9/"),
        (Audience, "users"));

    [Theory]
    [InlineData("Development", null)]
    [InlineData("Production", "false")]
    public async Task An_issuer_by_HTTP_is_allowed_in_development_and_where_it_is_asked_for(string environment, string? requireHttps)
    {
        await using var api = await ApiProcess.StartAsync(
            environment,
            ("Store__Kind", "Embedded"), ("Store__Path", _folder.File("users.db")), (Authority, "http://127.0.0.1:9/"), (Audience, "users"),
            ("Authentication__Schemes__Bearer__RequireHttpsMetadata", requireHttps));
        using var client = new HttpClient { BaseAddress = api.Address };
        client.DefaultRequestHeaders.Authorization = new("Bearer", "e30.e30.e30");

        using var response = await client.GetAsync("/users", Cancel);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode); // the issuer is down, which is no error of the API
    }

    [Fact]
    public async Task An_issuer_makes_no_warning_of_data_protection()
    {
        await using var api = await ApiProcess.StartAsync(
            "Production",
            ("Authentication__AllowAnonymous", null), ("Store__Kind", "Embedded"), ("Store__Path", _folder.File("users.db")),
            (Authority, "https://127.0.0.1:9/"), (Audience, "users"), ("HOME", _folder.File("none")));
        using var client = new HttpClient { BaseAddress = api.Address };
        await client.GetAsync("/users", Cancel);
        await api.KillAsync();

        Assert.DoesNotContain(api.Output, line => line.Contains("DataProtection", StringComparison.Ordinal));
        Assert.DoesNotContain(api.Output, line => line.Contains("\"Warning\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_database_that_is_down_is_one_short_line_however_many_requests_fail()
    {
        await using var api = await ApiProcess.StartAsync("Production", ("ConnectionStrings__users", "mongodb://127.0.0.1:9/users"), ("Store__Timeout", "00:00:00.3"));
        using var client = new HttpClient { BaseAddress = api.Address };

        for (var i = 0; i < 10; i++)
        {
            using var response = await client.GetAsync($"/users/u{i}", Cancel);
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        }

        await api.KillAsync();
        var failures = api.Output.Where(line => line.Contains("127.0.0.1:9 does not answer", StringComparison.Ordinal) || line.Contains("Exception", StringComparison.Ordinal));
        Assert.InRange(Assert.Single(failures).Length, 1, 700);
    }

    private async Task<string> AssertRefusedAsync(string environment, string expected, params IEnumerable<(string Key, string? Value)> settings)
    {
        var (exitCode, output, errors) = await ApiProcess.RunAsync(environment, [("Store__Path", _folder.File("users.db")), .. settings]);

        Assert.Equal(1, exitCode);
        Assert.StartsWith($"UserApi does not start. {expected}", Assert.Single(errors.Trim().Split('\n')), StringComparison.Ordinal);
        Assert.DoesNotContain("s3cret", output + errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", output, StringComparison.Ordinal);
        return output;
    }
}
