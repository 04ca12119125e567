using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace UserApi.Bench;

/// <summary>A running contender on a loopback port.</summary>
internal sealed partial class Server : IDisposable
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(2);

    private readonly HttpClient _client = new();

    private Server(string name, Uri address, ChildProcess process)
    {
        (Name, Process) = (name, process);
        _client.BaseAddress = address;
    }

    public string Name { get; }

    public ChildProcess Process { get; }

    public string Address => _client.BaseAddress!.OriginalString;

    /// <summary>From the start of the process to the first user in a response.</summary>
    public TimeSpan ColdStart { get; private set; }

    public static async Task<Server> StartAsync(Contender contender, CancellationToken cancellationToken)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}");
        var server = new Server(contender.Name, address, ChildProcess.Start(contender.Command(address)));
        try
        {
            await server.WaitAsync(cancellationToken);
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Waits until users can be searched: their index keys may still have to be made.</summary>
    public async Task WaitForIndexesAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            using var answer = await _client.GetAsync("/users?sort=name&limit=1", cancellationToken);
            if (answer.StatusCode != HttpStatusCode.ServiceUnavailable)
            {
                answer.EnsureSuccessStatusCode();
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(1), cancellationToken);
        }
    }

    /// <summary>Reads some users one by one, and returns the share of them, from 0 to 1, that was put since the seeding.</summary>
    public async Task<double> ShareOfPutsAsync(int users, CancellationToken cancellationToken)
    {
        const int Sample = 200;
        var puts = 0;
        for (var i = 0; i < Sample; i++)
        {
            var number = Random.Shared.Next(1, users + 1);
            var body = await _client.GetStringAsync($"/users/{Seed.Id(number)}", cancellationToken);
            if (!body.Contains(Seed.Name(number), StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"{Name}: user {number} reads {body}");
            }

            puts += PutName().IsMatch(body) ? 1 : 0;
        }

        return (double)puts / Sample;
    }

    public void Dispose()
    {
        _client.Dispose();
        Process.Dispose();
    }

    [GeneratedRegex(@"User \d+ v\d+")]
    private static partial Regex PutName();

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        while (!await AnswersAsync(cancellationToken))
        {
            if (Process.HasExited)
            {
                throw Process.Failure("ended");
            }

            if (Stopwatch.GetElapsedTime(Process.Started) > s_timeout)
            {
                throw Process.Failure($"did not answer within {s_timeout.TotalSeconds} s");
            }

            await Task.Delay(s_poll, cancellationToken);
        }

        ColdStart = Stopwatch.GetElapsedTime(Process.Started);
    }

    private async Task<bool> AnswersAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync($"/users/{Seed.Id(1)}", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // not listening yet
        }
    }
}
