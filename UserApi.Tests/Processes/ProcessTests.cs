using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using MongoDB.Bson;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Processes;

/// <summary>How the real process starts, refuses to start, is killed and shuts down.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string File => _folder.File("users.db");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Development_needs_no_setting_and_production_has_to_be_asked_to_embed()
    {
        await using var development = await ApiProcess.StartAsync("Development", ("Store__Path", File));
        await using var production = await ApiProcess.StartAsync("Production", ("Store__Path", File), ("Store__Kind", "Embedded"));
        using var first = Client(development);
        using var second = Client(production);

        Assert.Equal(HttpStatusCode.Created, await PutAsync(first, "ana", "Ana"));
        Assert.Contains("Ana", await second.GetStringAsync("/users/ana", Cancel));
        Assert.Contains(development.Output, line => line.Contains($"embedded, {File}"));
        Assert.Contains(production.Output, line => line.Contains($"embedded, {File}"));
    }

    [Theory]
    [InlineData("ConnectionStrings__users", "")]
    [InlineData("ConnectionStrings__users Store__Kind", "Store__Kind=Auto")]
    [InlineData("ConnectionStrings__users", "Store__Kind=MongoDb")]
    [InlineData("Store:Kind", "Store__Kind=Paper")]
    [InlineData("Store:Timeout", "Store__Kind=Embedded Store__Timeout=00:00:00")]
    [InlineData("Store:Timeout", "Store__Kind=Embedded Store__Timeout=soon")]
    [InlineData("Limits:ShutdownTimeout", "Store__Kind=Embedded Limits__ShutdownTimeout=00:00:10")]
    [InlineData("Limits:MaxBodyBytes", "Store__Kind=Embedded Limits__MaxBodyBytes=0 Limits__ShutdownTimeout=00:00:10")]
    [InlineData("Limits:MaxBodyBytes", "Store__Kind=Embedded Limits__MaxBodyBytes=many")]
    [InlineData("/dev/null/users.db", "Store__Kind=Embedded Store__Path=/dev/null/users.db")]
    [InlineData("ConnectionStrings:users", "ConnectionStrings__users=mongodb://ana:s3cret@db:port/users")]
    [InlineData("ConnectionStrings:users", "ConnectionStrings__users=mongodb://ana:s3cret@db/users?maxPoolSize=many")]
    [InlineData("ConnectionStrings:users", "ConnectionStrings__users=mongodb://ana:s3cret@db/users?w=1&w=")]
    [InlineData("ConnectionStrings:users", "ConnectionStrings__users=mongodb://ana:s3cret/x@db/users")]
    [InlineData("ConnectionStrings:users", "ConnectionStrings__users=mongodb://ana:s3cret%@db/users")]
    [InlineData("ConnectionStrings:users", "ConnectionStrings__users=postgres://ana:s3cret@db/users")]
    public async Task Production_refuses_to_start_on_settings_that_are_missing_or_wrong(string named, string settings)
    {
        var (exitCode, output, errors) = await ApiProcess.RunAsync(
            "Production",
            [
                ("Store__Path", File),
                .. settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(setting => setting.Split('=', 2)).Select(pair => (pair[0], pair[1])),
            ]);

        Assert.Equal(1, exitCode);
        Assert.All(named.Split(' '), name => Assert.Contains(name, errors));
        Assert.DoesNotContain("s3cret", output + errors);
        Assert.DoesNotContain("   at ", errors);
        Assert.False(System.IO.File.Exists(File) && !settings.Contains("Embedded"));
    }

    [Fact]
    public async Task Unique_addresses_over_users_that_break_the_rule_end_the_process_and_it_says_how_many_and_how_to_list_them()
    {
        await using var mongo = await MongoWireServer.StartAsync();
        mongo.Seed("users", "users", Enumerable.Range(0, 5).Select(i => new BsonDocument { { "_id", $"u{i}" }, { "name", "x" }, { "email", i < 4 ? $"u{i % 2}@s3cret.org" : "x@s3cret.org" } }));
        (string, string?)[] settings = [("ConnectionStrings__users", mongo.ConnectionString), ("Users__UniqueEmails", "true"), ("Authentication__AllowAnonymous", "true")];

        var (exitCode, output, errors) = await ApiProcess.RunAsync("Production", settings);

        Assert.Equal(1, exitCode);
        Assert.StartsWith("UserApi does not start. Users:UniqueEmails is true, and 2 e-mail addresses are those of more than one user.", errors.Trim());
        Assert.Contains("List them with: db.users.aggregate(", errors);
        Assert.DoesNotContain("s3cret", output + errors);
        (exitCode, _, errors) = await ApiProcess.RunAsync("Production", [.. settings[..1], ("Users__UniqueEmails", "sometimes")]);
        Assert.Equal(1, exitCode);
        Assert.Contains("Users:UniqueEmails", errors);
    }

    [Theory]
    [InlineData("Production")]
    [InlineData("Development")]
    public async Task Logs_are_lines_with_the_trace_id_json_in_production_and_readable_in_development(string environment)
    {
        const string TraceId = "0af7651916cd43dd8448eb211c80319c";
        await using var api = await ApiProcess.StartAsync(
            environment, ("ConnectionStrings__users", "mongodb://ana:s3cret@127.0.0.1:1/users"), ("Logging__LogLevel__UserApi", "Debug"));
        using var client = Client(api);
        client.DefaultRequestHeaders.Add("traceparent", $"00-{TraceId}-b7ad6b7169203331-01");

        var answer = await client.GetAsync("/users/ana", Cancel);
        api.Terminate(); // The console logger writes in the background, and finishes its queue before the process ends.
        Assert.Equal(0, await api.WaitForExitAsync());

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains(TraceId, await answer.Content.ReadAsStringAsync(Cancel));
        Assert.Contains(api.Output, line => line.Contains("did not carry out") && line.Contains(TraceId));
        Assert.DoesNotContain(api.Output, line => line.Contains("s3cret"));
        Assert.All(api.Output, line => Assert.Equal(environment == "Production", IsJsonObject(line)));
    }

    [Fact]
    public async Task Every_answered_write_is_there_after_kill_9()
    {
        const int Rounds = 3, Writers = 8;
        var answered = new ConcurrentDictionary<string, int>();
        for (var round = 0; round < Rounds; round++)
        {
            await using var api = await StartEmbeddedAsync();
            using var client = Client(api);
            await AssertThereAsync(client);
            var before = answered.Count;

            var writers = Enumerable.Range(0, Writers).Select(async writer =>
            {
                try
                {
                    for (var i = 0; ; i++)
                    {
                        await WriteAsync(client, $"r{round}-w{writer}-{i}", i); // a new user
                        await WriteAsync(client, $"w{writer}", (round * 1_000_000) + i); // a replaced one
                    }
                }
                catch (HttpRequestException)
                {
                    // The process was killed.
                }
            }).ToList();
            var enough = before + 100 + (37 * round);
            while (answered.Count < enough && !writers.Any(writer => writer.IsCompleted))
            {
                await Task.Delay(1, Cancel);
            }

            await api.KillAsync();
            await Task.WhenAll(writers);
            Assert.InRange(answered.Count, enough, int.MaxValue);
        }

        await using var last = await StartEmbeddedAsync();
        using var reader = Client(last);
        await AssertThereAsync(reader);

        async Task WriteAsync(HttpClient client, string id, int value)
        {
            Assert.InRange(await PutAsync(client, id, $"{value}"), HttpStatusCode.OK, HttpStatusCode.Created);
            answered[id] = value;
        }

        // A write without a response may have been applied, so a replaced user may be one value ahead.
        async Task AssertThereAsync(HttpClient client)
        {
            var found = new Dictionary<string, int>();
            for (var path = "/users?limit=200"; path is not null;)
            {
                var page = await client.GetFromJsonAsync<JsonElement>(path, Cancel);
                foreach (var user in page.GetProperty("items").EnumerateArray())
                {
                    found.Add(user.GetProperty("id").GetString()!, int.Parse(user.GetProperty("name").GetString()!, null));
                }

                path = page.GetProperty("next").GetString() is { } next ? $"/users?limit=200&after={next}" : null;
            }

            Assert.DoesNotContain(answered, write => !found.TryGetValue(write.Key, out var value) || value < write.Value);
        }
    }

    [Fact]
    public async Task Sigterm_sends_callers_elsewhere_before_it_closes_their_connections()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var api = await ApiProcess.StartAsync(
            "Production", ("Store__Path", File), ("Store__Kind", "Embedded"), ("Limits__DrainTime", "00:00:05"));
        using var client = Client(api);
        var before = await client.GetAsync("/alive", Cancel);

        api.Terminate();
        await AssertRefusesAsync(api);
        var after = await client.GetAsync("/users", Cancel);

        Assert.NotEqual(true, before.Headers.ConnectionClose);
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        Assert.True(after.Headers.ConnectionClose);
        Assert.Equal(0, await api.WaitForExitAsync());
    }

    [Fact]
    public async Task Sigterm_lets_a_request_in_flight_finish_and_refuses_new_connections()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGTERM.");
        await using var api = await StartEmbeddedAsync();
        using var idle = Client(api);
        await idle.GetAsync("/alive", Cancel);
        using var slow = await ConnectAsync(api);
        var stream = slow.GetStream();
        await stream.WriteAsync(
            Encoding.ASCII.GetBytes($"PUT /users/ana HTTP/1.1\r\nHost: {api.Address.Authority}\r\nContent-Length: 14\r\n\r\n{{\"name\""), Cancel);
        await idle.GetAsync("/alive", Cancel); // by now the server is handling the slow request

        api.Terminate();
        await AssertRefusesAsync(api);
        await stream.WriteAsync(":\"Ana\"}"u8.ToArray().AsMemory(0, 7), Cancel);
        using var reader = new StreamReader(stream);
        var status = await reader.ReadLineAsync(Cancel);

        Assert.Equal("HTTP/1.1 201 Created", status);
        Assert.Equal(0, await api.WaitForExitAsync());
        await using var next = await StartEmbeddedAsync();
        using var client = Client(next);
        Assert.Contains("Ana", await client.GetStringAsync("/users/ana", Cancel));
    }

    private static async Task AssertRefusesAsync(ApiProcess api)
    {
        for (var i = 0; i < 100; i++)
        {
            try
            {
                using var connection = await ConnectAsync(api);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // The listener was closed while this connection was being made. The next one must be refused.
            }
            catch (SocketException e)
            {
                Assert.Equal(SocketError.ConnectionRefused, e.SocketErrorCode);
                return;
            }

            await Task.Delay(50, Cancel);
        }

        Assert.Fail("Five seconds after SIGTERM, the API still accepts new connections.");
    }

    private static async Task<TcpClient> ConnectAsync(ApiProcess api)
    {
        var client = new TcpClient();
        await client.ConnectAsync(api.Address.Host, api.Address.Port, Cancel);
        return client;
    }

    private static async Task<HttpStatusCode> PutAsync(HttpClient client, string id, string name)
    {
        using var answer = await client.PutAsJsonAsync($"/users/{id}", new { name }, Cancel);
        return answer.StatusCode;
    }

    private static HttpClient Client(ApiProcess api) => new() { BaseAddress = api.Address };

    private static bool IsJsonObject(string line)
    {
        try
        {
            return JsonElement.Parse(line).ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // A long Store:Timeout, because these tests do not check how long a write takes.
    private Task<ApiProcess> StartEmbeddedAsync() =>
        ApiProcess.StartAsync("Production", ("Store__Path", File), ("Store__Kind", "Embedded"), ("Store__Timeout", "00:00:09"));
}
