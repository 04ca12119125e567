using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Reliability;

/// <summary>Runs the examples of docs/mongodb.md for a server on another continent and for elections exactly as written there.</summary>
public sealed class FarServerTests : IAsyncLifetime
{
    private static readonly TimeSpan s_roundTrip = TimeSpan.FromMilliseconds(300);

    // The double has no TLS and no passwords. TCP (1 round trip), TLS 1.2 (2) and SCRAM (1) are simulated by a delay before the first command.
    private static readonly Toxic s_far = new Toxic.Latency(s_roundTrip / 2, Opening: 4 * s_roundTrip);

    private MongoWireServer _server = null!;
    private ToxicProxy _proxy = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await MongoWireServer.StartAsync();
        _proxy = new(_server.Port);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_server_on_another_continent_is_used_as_any_other()
    {
        _proxy.Infect(s_far, Direction.Both);
        await using var api = new ApiFactory(Documented("## A server on another continent", $"mongodb://127.0.0.1:{_proxy.Port}/users?directConnection=true"));
        using var client = api.CreateClient();

        var created = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => PutAsync(client, i)));
        var (replaced, found, page, changed) = (PutAsync(client, 0), client.GetAsync("/users/u1", Cancel), client.GetAsync("/users", Cancel), PatchAsync(client));
        var deleted = client.DeleteAsync("/users/u3", Cancel);

        Assert.All(created, put => Assert.Equal(HttpStatusCode.Created, put.StatusCode));
        Assert.Equal(
            (HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.NoContent),
            ((await replaced).StatusCode, (await found).StatusCode, (await page).StatusCode, (await changed).StatusCode, (await deleted).StatusCode));
    }

    [Fact]
    public async Task Without_these_settings_no_connection_to_it_is_ever_open()
    {
        _proxy.Infect(s_far, Direction.Both);
        await using var api = new ApiFactory(("ConnectionStrings:users", $"mongodb://127.0.0.1:{_proxy.Port}/users?directConnection=true"));
        using var client = api.CreateClient();

        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, (await client.GetAsync("/users/u1", Cancel)).StatusCode);
        }
    }

    [Fact]
    public async Task An_election_is_waited_for()
    {
        await using var api = new ApiFactory(Documented("## Elections", _server.ConnectionString));
        using var client = api.CreateClient();
        await PutAsync(client, 0);
        var watch = Stopwatch.StartNew();

        _server.StepDown(TimeSpan.FromSeconds(4));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => i % 2 == 0 ? PutAsync(client, 0) : client.GetAsync("/users/u0", Cancel)));

        Assert.All(answers, answer => Assert.True(answer.IsSuccessStatusCode, $"{answer.StatusCode}"));
        Assert.InRange(watch.Elapsed, TimeSpan.FromSeconds(3.9), TimeSpan.FromSeconds(20));
    }

    /// <summary>The settings of a section's example, with the options of its connection string but another address.</summary>
    private static (string Key, string Value)[] Documented(string heading, string address)
    {
        var section = File.ReadAllText(Repository.File("docs", "mongodb.md")).Split($"\n{heading}\n")[1].Split("\n## ")[0];
        (string Key, string Value)[] example =
        [
            .. section.Split("```sh\n")[1].Split("```")[0].Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line.Split('=', 2)).Select(setting => (setting[0].Replace("__", ":"), setting[1].Trim('\''))),
        ];

        // The address and the options that the double does not support are not taken from the example.
        var options = example[0].Value.Split('?')[1].Split('&').Where(option => option.Split('=')[0] is not ("tls" or "replicaSet"));
        Assert.Equal("ConnectionStrings:users", example[0].Key);
        return [(example[0].Key, string.Join('&', [address, .. options])), .. example[1..]];
    }

    private static Task<HttpResponseMessage> PutAsync(HttpClient client, int user) =>
        client.PutAsJsonAsync($"/users/u{user}", new { name = "Ana" }, Cancel);

    private static async Task<HttpResponseMessage> PatchAsync(HttpClient client)
    {
        using var content = new StringContent("""{ "name": "Ann" }""", null, "application/merge-patch+json");
        return await client.PatchAsync("/users/u2", content, Cancel);
    }
}
