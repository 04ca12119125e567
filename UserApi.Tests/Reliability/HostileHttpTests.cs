using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Reliability;

/// <summary>
/// Hostile or broken clients on raw sockets; beside each, a well-behaved client that must not be affected. No other tests run in the process
/// meanwhile, because memory is measured.
/// </summary>
[Collection(nameof(Alone))]
public sealed class HostileHttpTests(ITestOutputHelper output) : IAsyncLifetime
{
    private const string Head = "Host: a\r\nContent-Type: application/json\r\n";
    private const int MemoryBound = 16 * 1024 * 1024;

    private readonly List<Socket> _sockets = [];
    private ApiFactory _api = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync()
    {
        _api = new(("Limits:RequestTimeout", "00:00:03"), ("AllowedHosts", "*"), ("Logging:LogLevel:Default", "Error"));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _sockets.ForEach(socket => socket.Dispose());
        await _api.DisposeAsync();
    }

    public static TheoryData<string, string, string> Malformed => new()
    {
        // The bytes of the request, the status of the response, and what the response must not contain.
        { $"PUT /users/x HTTP/1.1\r\n{Head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /users/smuggled HTTP/1.1\r\nHost: a\r\n\r\n", "400|422", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{{}}", "400", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Content-Length: -1\r\n\r\n", "400", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Transfer-Encoding: gzip\r\n\r\n", "400", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n", "400", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n{{}}\r\n0\r\n\r\n", "400", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Transfer-Encoding: chunked\r\n\r\n-5\r\n{{}}\r\n0\r\n\r\n", "400", "404" },
        { $"PUT /users/x HTTP/1.1\r\n{Head}Transfer-Encoding: chunked\r\n\r\n1\r\n{{}}\r\n0\r\n\r\n", "400", "404" },
        { $"GET /users HTTP/1.1\r\nHost: a\r\nBig: {new string('x', 64 * 1024)}\r\n\r\n", "431", "200" },
        { $"GET /users HTTP/1.1\r\nHost: a\r\n{string.Concat(Enumerable.Range(0, 1000).Select(i => $"h{i}: x\r\n"))}\r\n", "431", "200" },
        { $"GET /users/{new string('x', 64 * 1024)} HTTP/1.1\r\nHost: a\r\n\r\n", "414", "200" },
        { "GET /users HTTP/1.1\r\n\r\n", "400", "200" },
        { "GET /users HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400", "200" },
        { "GET /users HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n", "400", "200" },
        { "GET /users HTTP/1.1\r\nHost : a\r\n\r\n", "400", "200" },
        { "GET /users HTTP/9.9\r\nHost: a\r\n\r\n", "505", "200" },
        { "\0\u0001\u0002\u0003 garbage\r\n\r\n", "400", "200" },
        { "\u0016\u0003\u0001\u0002\0\u0001\0\u0001", "400", "200" }, // a TLS handshake
    };

    [Theory]
    [MemberData(nameof(Malformed), DisableDiscoveryEnumeration = true)]
    public async Task A_malformed_request_is_refused_and_its_connection_closed(string request, string status, string never)
    {
        using var client = _api.CreateClient();

        var answer = await client.SendRaw(request).WaitAsync(TimeSpan.FromSeconds(10), Cancellation);

        Assert.Matches($"^HTTP/1.1 ({status}) ", answer);
        Assert.DoesNotContain($"HTTP/1.1 {never}", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Garbage_behind_a_request_does_not_change_its_answer()
    {
        using var client = _api.CreateClient();

        var answer = await client.SendRaw("GET /alive HTTP/1.1\r\nHost: a\r\n\r\n\0\0 garbage\r\n\r\n").WaitAsync(TimeSpan.FromSeconds(10), Cancellation);

        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Requests_whose_headers_trickle_in_are_cut_off()
    {
        await WithoutHarmAsync(async () =>
        {
            var slow = await ConnectAsync(500);
            await SendAsync(slow, "GET /users HTTP/1.1\r\nHost: a\r\n");
            await TrickleUntilClosedAsync(slow, "x: y\r\n");
        });
    }

    [Fact]
    public async Task Requests_whose_bodies_trickle_in_are_cut_off_and_take_nobodys_turn()
    {
        // More than the places and the queue together (100 and 300).
        await WithoutHarmAsync(async () =>
        {
            var slow = await ConnectAsync(500);
            await SendAsync(slow, $"PUT /users/slow HTTP/1.1\r\n{Head}Content-Length: 60000\r\n\r\n");
            await TrickleUntilClosedAsync(slow, "{");
        });
    }

    [Fact]
    public async Task Bodies_without_an_end_are_refused_at_the_limit()
    {
        await WithoutHarmAsync(async () =>
        {
            var chunk = $"1000\r\n{new string(' ', 4096)}\r\n";
            for (var wave = 0; wave < 10; wave++)
            {
                var endless = await ConnectAsync(20);
                await SendAsync(endless, $"PUT /users/endless HTTP/1.1\r\n{Head}Transfer-Encoding: chunked\r\n\r\n");
                for (var i = 0; i < 100; i++)
                {
                    await SendAsync(endless, chunk);
                }

                Assert.All(await Task.WhenAll(endless.Select(ReadAsync)), answer => Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal));
            }
        });
    }

    [Fact]
    public async Task A_thousand_idle_connections_cost_little()
    {
        await WithoutHarmAsync(async () =>
        {
            await ConnectAsync(1000);
            await Task.Delay(1000, Cancellation);
        });
    }

    [Fact]
    public void A_connection_is_kept_longer_than_a_load_balancer_keeps_it()
    {
        var limits = _api.Services.GetRequiredService<IOptions<KestrelServerOptions>>().Value.Limits;

        // An Application Load Balancer closes idle connections after 60 s. The API must not close them earlier, or the load balancer's next request
        // is lost; much later, silent connections would only take connections from others.
        Assert.Equal(TimeSpan.FromSeconds(75), limits.KeepAliveTimeout);
        Assert.Equal(TimeSpan.FromSeconds(3), limits.RequestHeadersTimeout);
    }

    /// <summary>Runs an attack while a well-behaved client reads what it has written: responses must be right and fast, and memory within 16 MB.</summary>
    private async Task WithoutHarmAsync(Func<Task> harm)
    {
        using var client = _api.CreateClient();
        await client.Put("good", """{"name":"0"}""").Is(HttpStatusCode.Created);
        await client.Get("good").Is(HttpStatusCode.OK);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await using var metronome = new Metronome();
        var stop = new CancellationTokenSource();
        var good = BehaveAsync(client, stop.Token);

        await harm();

        var after = GC.GetTotalMemory(forceFullCollection: true);
        await stop.CancelAsync();
        var (answers, slowest) = await good;
        output.WriteLine($"{answers} answers to the one who behaves, the slowest after {slowest.TotalMilliseconds:0} ms (stall {metronome.Stall.TotalMilliseconds:0} ms); memory {(after - before) / 1048576.0:+0.0;-0.0} MB");
        Assert.InRange(answers, 10, int.MaxValue);
        Assert.InRange(slowest, TimeSpan.Zero, TimeSpan.FromSeconds(1) + (2 * metronome.Stall));
        Assert.InRange(after - before, long.MinValue, MemoryBound);
    }

    private static async Task<(int Answers, TimeSpan Slowest)> BehaveAsync(HttpClient client, CancellationToken stop)
    {
        var (answers, slowest) = (0, TimeSpan.Zero);
        while (!stop.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            using var put = await client.Put("good", $$"""{"name":"{{answers}}"}""").Is(HttpStatusCode.OK);
            using var get = await client.Get("good").Is(HttpStatusCode.OK);
            slowest = TimeSpan.FromTicks(Math.Max(slowest.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
            Assert.Equal(put.Tag(), get.Tag());
            answers += 2;
            await Task.Delay(10, CancellationToken.None);
        }

        return (answers, slowest);
    }

    private async Task<IReadOnlyList<Socket>> ConnectAsync(int count)
    {
        var address = _api.Address;
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _sockets.Add(socket);
            await socket.ConnectAsync(address.Host, address.Port, Cancellation);
        }

        return _sockets[^count..];
    }

    private async Task TrickleUntilClosedAsync(IReadOnlyList<Socket> sockets, string drop)
    {
        var start = Stopwatch.GetTimestamp();
        var open = sockets.Where(IsOpen).ToList();
        while (open.Count > 0 && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(15))
        {
            await SendAsync(open, drop);
            await Task.Delay(500, Cancellation);
            open = [.. open.Where(IsOpen)];
        }

        output.WriteLine($"{sockets.Count} cut off after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");
        Assert.Empty(open);
    }

    private static async Task SendAsync(IEnumerable<Socket> sockets, string text)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        foreach (var socket in sockets)
        {
            try
            {
                await socket.SendAsync(bytes, Cancellation);
            }
            catch (SocketException)
            {
                // The server has closed the connection.
            }
        }
    }

    /// <returns>False when the server has closed the connection, even if it sent something before.</returns>
    private static bool IsOpen(Socket socket)
    {
        try
        {
            var buffer = new byte[4096];
            while (socket.Poll(0, SelectMode.SelectRead))
            {
                if (socket.Receive(buffer) == 0)
                {
                    return false;
                }
            }

            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task<string> ReadAsync(Socket socket)
    {
        var buffer = new byte[4096];
        var length = 0;
        try
        {
            while (length < buffer.Length && await socket.ReceiveAsync(buffer.AsMemory(length), Cancellation) is > 0 and var count)
            {
                length += count;
            }
        }
        catch (SocketException)
        {
            // Reset after the response.
        }

        return Encoding.Latin1.GetString(buffer, 0, length);
    }
}

/// <summary>Tests that measure the process and therefore must run alone in it.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
