using System.Net.Sockets;
using System.Text;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Processes;

/// <summary>The memory of the real process while clients do not read its responses.</summary>
public sealed class SlowReaderTests
{
    private const int Readers = 64;
    private const long Allowed = 512L << 20; // what Terraform gives it

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_of_the_largest_users_that_nobody_reads_fit_into_the_memory_of_the_process()
    {
        using var folder = new TemporaryFolder();
        await using var api = await ApiProcess.StartAsync("Production", ("Store__Kind", "Embedded"), ("Store__Path", folder.File("users.db")));
        using var client = new HttpClient { BaseAddress = api.Address };
        var attributes = string.Join(',', Enumerable.Range(10, 32).Select(number => $"\"{number}\":\"{new string('<', 1024)}\""));
        foreach (var chunk in Enumerable.Range(0, 201).Chunk(20))
        {
            await Task.WhenAll(chunk.Select(number => client.Put($"u{number:000}", $$$"""{"name":"Ana","attributes":{{{{attributes}}}}}""")));
        }

        var sockets = new List<Socket>();
        try
        {
            var request = Encoding.ASCII.GetBytes($"GET /users?limit=200 HTTP/1.1\r\nHost: {api.Address.Authority}\r\n\r\n");
            for (var i = 0; i < Readers; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
                sockets.Add(socket);
                await socket.ConnectAsync(api.Address.Host, api.Address.Port, Cancel);
                await socket.SendAsync(request, Cancel);
            }

            // Each response has started: its first bytes have arrived.
            foreach (var socket in sockets)
            {
                Assert.Equal(1, await socket.ReceiveAsync(new byte[1], Cancel));
            }

            await client.Get("u000").Is(System.Net.HttpStatusCode.OK);
            TestContext.Current.TestOutputHelper?.WriteLine($"{api.PeakMemory >> 20} MiB");
            Assert.InRange(api.PeakMemory, 1, Allowed);
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }
}
