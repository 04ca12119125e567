using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Reliability;

/// <summary>
/// No client harms another: one at 127.0.0.2 takes as much as it can get, while one at 127.0.0.1 is well-behaved. No other tests run in the
/// process meanwhile, because these open many connections.
/// </summary>
[Collection(nameof(Alone))]
public sealed class NeighbourTests(ITestOutputHelper output) : IDisposable
{
    private readonly List<Socket> _sockets = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());

    [Fact]
    public async Task A_thousand_connections_of_one_client_take_nothing_from_another()
    {
        var store = new StoreDouble(cancellationToken => Task.Delay(50, cancellationToken));
        await using var api = new ApiFactory { Configure = services => services.AddSingleton<IUserStore>(store) };
        using var client = api.CreateClient();
        await client.Get("ana").Is(HttpStatusCode.NotFound);
        var taken = await ConnectAsync(api, 1000);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var flood = Task.WhenAll(taken.Select(socket => AskAgainAndAgainAsync(socket, stop.Token)));
        await Task.Delay(500, Cancellation);

        // Four at once, like several users.
        var (answers, slowest) = (new List<HttpStatusCode>(), TimeSpan.Zero);
        for (var round = 0; round < 25; round++)
        {
            var start = Stopwatch.GetTimestamp();
            answers.AddRange((await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => client.Get("ana")))).Select(answer => answer.StatusCode));
            slowest = TimeSpan.FromTicks(Math.Max(slowest.Ticks, Stopwatch.GetElapsedTime(start).Ticks));
        }

        await stop.CancelAsync();
        output.WriteLine($"{answers.Count} answers to the other, {answers.Count(status => status == HttpStatusCode.ServiceUnavailable)} of them 503, the slowest after {slowest.TotalMilliseconds:0} ms; {(await flood).Sum()} answers to the one with 1,000 connections");
        Assert.All(answers, status => Assert.Equal(HttpStatusCode.NotFound, status));
    }

    [Theory]
    [InlineData("/docs/swagger-ui-bundle.js", 3)]
    [InlineData("/users?limit=200", 200)]
    public async Task Answers_that_nobody_reads_hold_no_place_and_are_given_up(string target, int times)
    {
        var log = new LogCollector();
        await using var api = new ApiFactory(
            ("Limits:MaxConcurrentRequests", "2"), ("Limits:MaxQueuedRequests", "8"), ("Limits:RequestTimeout", "00:00:02"))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = api.CreateClient();
        var name = new string('n', 100);
        for (var user = 0; user < 200; user++)
        {
            await client.Put($"u{user}", $$"""{"name":"{{name}}"}""").Is(HttpStatusCode.Created);
        }

        var unread = await ConnectAsync(api, 8, receiveBuffer: 4096);
        var requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat($"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n", times)));
        await Task.WhenAll(unread.Select(socket => socket.SendAsync(requests, Cancellation).AsTask()));

        var start = Stopwatch.GetTimestamp();
        var open = unread.Count;
        var answers = 0;
        while (open > 0)
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(30), $"{open} are still open after 30 s.");
            await client.Get("u1").Is(HttpStatusCode.OK);
            answers++;
            await Task.Delay(20, Cancellation);
            open = unread.Count(IsOpen);
        }

        output.WriteLine($"{answers} answers to the other, none of them 503; all {unread.Count} closed after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Error ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_needs_no_store_does_not_wait_for_those_who_do()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var isWorking = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var store = new StoreDouble(cancellationToken =>
        {
            isWorking.TrySetResult();
            return gate.Task.WaitAsync(cancellationToken);
        });
        await using var api = new ApiFactory(("Limits:MaxConcurrentRequests", "1"), ("Limits:MaxQueuedRequests", "0"))
        {
            Configure = services => services.AddSingleton<IUserStore>(store),
        };
        using var client = api.CreateClient();
        var working = client.Get("ana");
        await isWorking.Task;
        await client.Get("ana").IsProblem(HttpStatusCode.ServiceUnavailable);

        foreach (var path in (string[])["/docs/index.html", "/docs/swagger-ui-bundle.js", "/openapi.json", "/", "/alive", "/health"])
        {
            await client.Send("GET", path).Is(HttpStatusCode.OK);
        }

        await client.Send("GET", "/nothing").Is(HttpStatusCode.NotFound);
        await client.Send("POST", "/users/ana").Is(HttpStatusCode.MethodNotAllowed);
        await client.Send("GET", "/users/..").Is(HttpStatusCode.UnprocessableEntity);
        gate.SetResult();
        await working.Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task One_client_cannot_have_all_connections_and_a_trusted_proxy_can()
    {
        var log = new LogCollector();
        await using var api = new ApiFactory(("Limits:MaxConnectionsPerAddress", "5"), ("Limits:MaxConnections", "20"))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = api.CreateClient();

        var taken = await ConnectAsync(api, 50);
        await WaitAsync(() => taken.Count(IsOpen) == 5);
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);
        Assert.Single(log.Lines, line => line.Contains("MaxConnectionsPerAddress", StringComparison.Ordinal));

        // After closing connections, it may open others.
        taken.First(IsOpen).Dispose();
        await WaitAsync(async () =>
        {
            var another = await ConnectAsync(api, 1);
            await Task.Delay(50, Cancellation);
            return another.All(IsOpen);
        });

        await using var behindProxy = new ApiFactory(("Limits:MaxConnectionsPerAddress", "5"), ("ForwardedHeaders:Networks:0", "127.0.0.0/8"));
        var forwarded = await ConnectAsync(behindProxy, 50);
        using var last = behindProxy.CreateClient();
        await last.Send("GET", "/alive").Is(HttpStatusCode.OK);
        Assert.All(forwarded, socket => Assert.True(IsOpen(socket)));
    }

    [Fact]
    public async Task Connections_on_which_nothing_is_asked_are_closed()
    {
        await using var api = new ApiFactory(("Limits:KeepAliveTimeout", "00:00:01"));
        using var client = api.CreateClient();
        await client.Send("GET", "/alive").Is(HttpStatusCode.OK);

        var silent = await ConnectAsync(api, 100);
        var start = Stopwatch.GetTimestamp();
        await WaitAsync(() => !silent.Any(IsOpen));

        output.WriteLine($"100 closed after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");
    }

    [Fact]
    public async Task Clients_that_reset_in_the_middle_of_a_body_are_no_errors_of_ours()
    {
        const string Head = "PUT /users/x HTTP/1.1\r\nHost: localhost\r\n";
        string[] beginnings =
        [
            $"{Head}Content-Length: 5000\r\n\r\n{{\"name\"",
            $"{Head}Content-Length: 60000\r\n\r\n{new string(' ', 40000)}",
            $"{Head}Transfer-Encoding: chunked\r\n\r\n5\r\n{{\"nam\r\n",
            $"{Head}Transfer-Encoding: chunked\r\n\r\n50\r\n{{\"nam",
        ];
        var log = new LogCollector();
        await using var api = new ApiFactory(("Logging:LogLevel:Microsoft.AspNetCore.Hosting", "Information"))
        {
            Configure = services => services.AddSingleton<ILoggerProvider>(log),
        };
        using var client = api.CreateClient();
        await client.Put("ana").Is(HttpStatusCode.Created);

        const int Resets = 400;
        for (var reset = 0; reset < Resets; reset++)
        {
            var socket = (await ConnectAsync(api, 1))[0];
            await socket.SendAsync(Encoding.ASCII.GetBytes(beginnings[reset % beginnings.Length]), Cancellation);
            await Task.Delay(reset / beginnings.Length % 3, Cancellation);
            socket.LingerState = new(enable: reset % 3 > 0, seconds: 0); // every third connection is closed without a reset
            socket.Close();
        }

        await WaitAsync(() => CountOf("Request starting HTTP/1.1 PUT") is > Resets / 2 and var started && CountOf("Request finished HTTP/1.1 PUT") == started);
        await client.Get("ana").Is(HttpStatusCode.OK);
        Assert.DoesNotContain(log.Lines, line => line.StartsWith("Error ", StringComparison.Ordinal));

        int CountOf(string text) => log.Lines.Count(line => line.Contains(text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(64 * 1024)]
    [InlineData(1024 * 1024)]
    public async Task Bodies_of_the_largest_size_arrive_20_at_once_on_one_connection_of_HTTP_2(int maxBodyBytes)
    {
        await using var api = new ApiFactory(("Limits:MaxBodyBytes", $"{maxBodyBytes}"), ("Kestrel:EndpointDefaults:Protocols", "Http2"));
        using var client = new HttpClient
        {
            BaseAddress = api.Address,
            DefaultRequestVersion = HttpVersion.Version20,
            DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        var start = Stopwatch.GetTimestamp();
        using var allBegun = new CountdownEvent(20);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(async user =>
        {
            using var body = new HeldBackBody(Encoding.ASCII.GetBytes(HttpSteps.Ana.PadRight(maxBodyBytes)), allBegun);
            using var answer = await client.PutAsync($"/users/u{user}", body, Cancellation);
            await answer.Is(HttpStatusCode.Created);
            Assert.Equal(HttpVersion.Version20, answer.Version);
        }));

        output.WriteLine($"20 bodies of {maxBodyBytes} bytes after {Stopwatch.GetElapsedTime(start).TotalSeconds:0.00} s");
    }

    private async Task<IReadOnlyList<Socket>> ConnectAsync(ApiFactory api, int count, int receiveBuffer = 0)
    {
        var address = api.Address;
        for (var i = 0; i < count; i++)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            _sockets.Add(socket);
            if (receiveBuffer > 0)
            {
                socket.ReceiveBufferSize = receiveBuffer;
            }

            socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
            try
            {
                await socket.ConnectAsync(address.Host, address.Port, Cancellation);
            }
            catch (SocketException)
            {
                // One connection too many, already reset.
            }
        }

        return _sockets[^count..];
    }

    private static async Task<int> AskAgainAndAgainAsync(Socket socket, CancellationToken stop)
    {
        var request = Encoding.ASCII.GetBytes("GET /users/x HTTP/1.1\r\nHost: localhost\r\n\r\n");
        var buffer = new byte[4096];
        var answers = 0;
        try
        {
            while (await socket.SendAsync(request, stop) > 0 && await socket.ReceiveAsync(buffer, stop) > 0)
            {
                answers++;
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            // The server has closed the connection.
        }

        return answers;
    }

    /// <summary>Whether the server has kept the connection open; reads nothing from it.</summary>
    private static bool IsOpen(Socket socket)
    {
        try
        {
            return !socket.Poll(0, SelectMode.SelectError)
                && !(socket.Poll(0, SelectMode.SelectRead) && socket.Receive(new byte[1], SocketFlags.Peek) == 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }

    private static Task WaitAsync(Func<bool> condition) => WaitAsync(() => Task.FromResult(condition()));

    private static async Task WaitAsync(Func<Task<bool>> condition)
    {
        var start = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20), "It is not so after 20 s.");
            await Task.Delay(20, Cancellation);
        }
    }

    /// <summary>A body whose last byte is sent when all other bodies have sent theirs except the last byte.</summary>
    private sealed class HeldBackBody(byte[] body, CountdownEvent allBegun) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            await stream.WriteAsync(body.AsMemory(..^1));
            await stream.FlushAsync();
            allBegun.Signal();
            await WaitAsync(() => allBegun.IsSet);
            await stream.WriteAsync(body.AsMemory(^1..));
        }

        protected override bool TryComputeLength(out long length) => (length = body.Length) > 0;
    }
}
