using System.Diagnostics;
using System.Net.Sockets;
using UserApi.MongoWire;

namespace UserApi.Chaos;

/// <summary>SIGTERM under load, with callers that change to another instance after <c>Connection: close</c>.</summary>
internal static class SigtermPart
{
    private const int Rounds = 10;
    private const int Callers = 32;
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(25);

    public static async Task RunAsync(Report report, CancellationToken cancellationToken)
    {
        await using var database = await MongoWireServer.StartAsync();
        var ports = new[] { ApiProcess.FreePort(), ApiProcess.FreePort() };
        var instances = ports.Select(port => Start(database, port)).ToArray();
        try
        {
            await Task.WhenAll(instances.Select(instance => instance.ReadyAsync(cancellationToken)));
            await RollAsync(report, database, ports, instances, cancellationToken);
            await StuckAsync(report, database, instances[0], cancellationToken);
        }
        finally
        {
            foreach (var instance in instances)
            {
                await instance.DisposeAsync();
            }
        }
    }

    private static ApiProcess Start(MongoWireServer database, int port) => ApiProcess.Start(ApiProcess.MongoDb(database.ConnectionString), port);

    private static async Task RollAsync(
        Report report, MongoWireServer database, int[] ports, ApiProcess[] instances, CancellationToken cancellationToken)
    {
        using var calling = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var callers = Enumerable.Range(0, Callers).Select(number => new Caller(number, ports)).ToList();
        var tasks = callers.ConvertAll(caller => caller.RunAsync(calling.Token));
        var exits = new List<int?>();
        var times = new List<double>();
        for (var round = 0; round < Rounds; round++)
        {
            var which = round % 2;
            await Task.Delay(Random.Shared.Next(500, 1500), cancellationToken);
            var start = Stopwatch.GetTimestamp();
            instances[which].Terminate();
            exits.Add(await instances[which].ExitAsync(s_grace));
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            await instances[which].DisposeAsync();
            instances[which] = Start(database, ports[which]);
            await instances[which].ReadyAsync(cancellationToken);
        }

        await calling.CancelAsync();
        await Task.WhenAll(tasks);
        var failures = callers.SelectMany(caller => caller.Failures).ToList();
        report.Add(
            "sigterm", $"{Rounds} × SIGTERM under {Callers} callers: none of their requests fails", failures.Count == 0,
            $"{callers.Sum(caller => caller.Answered)} answered, {callers.Sum(caller => caller.Moves)} moves to the other instance, {failures.Count} failed {string.Join(", ", failures.CountBy(failure => failure))}");
        report.Add(
            "sigterm", $"exit 0 within {s_grace.TotalSeconds:0} s", exits.TrueForAll(exit => exit == 0),
            $"exits {string.Join(' ', exits.Distinct())}, longest {times.Max():0.0} s");
    }

    private static async Task StuckAsync(Report report, MongoWireServer database, ApiProcess api, CancellationToken cancellationToken)
    {
        database.Pause();
        var load = new Load(api.Port, number => HttpConnection.Request("PUT", $"/users/stuck-{number}", StampedUser.Body(number)));
        var serving = load.ServeAsync(Callers, TimeSpan.FromSeconds(1), cancellationToken);
        await Task.Delay(500, cancellationToken);
        var start = Stopwatch.GetTimestamp();
        api.Terminate();
        var exit = await api.ExitAsync(s_grace);
        var time = Stopwatch.GetElapsedTime(start);
        var result = await serving;
        database.Resume();
        report.Add(
            "sigterm", "the same with a database that never answers: exit 0, requests in flight are 503", exit == 0 && result.Refused.Count >= Callers,
            $"exit {exit} after {time.TotalSeconds:0.0} s, {result.Refused.Count} × 503, {result.Accepted.Count} × 2xx, {result.Failed} refused or cut");
    }

    /// <summary>Calls one instance until it closes the connection or refuses it, then the other. Everything else is a failure.</summary>
    private sealed class Caller(int number, int[] ports)
    {
        private int _current = number % 2;

        public long Answered { get; private set; }

        public int Moves { get; private set; }

        public List<string> Failures { get; } = [];

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            HttpConnection? connection = null;
            try
            {
                for (var count = 0; ; count++)
                {
                    if (connection is { IsClosed: true })
                    {
                        connection.Dispose();
                        connection = null;
                    }

                    connection ??= await OpenAsync(cancellationToken);

                    try
                    {
                        var answer = await connection.SendAsync(Request(count), cancellationToken);
                        if (!answer.IsSuccess)
                        {
                            Failures.Add($"{answer.Status}");
                        }

                        Answered++;
                        if (answer.Closes)
                        {
                            connection.Dispose();
                            connection = null;
                            Move();
                        }
                    }
                    catch (Exception e) when (e is SocketException or EndOfStreamException)
                    {
                        Failures.Add("cut");
                        connection?.Dispose();
                        connection = null;
                        Move();
                    }

                    // From busy to mostly idle, so that some connections are between two requests at the signal
                    await Task.Delay(number * 4, cancellationToken);
                }
            }
            catch (OperationCanceledException)
            {
                connection?.Dispose();
            }
        }

        private byte[] Request(int count) => count % 2 == 0
            ? HttpConnection.Request("PUT", $"/users/caller-{number}", StampedUser.Body(count + 1))
            : HttpConnection.Request("GET", $"/users/caller-{number}");

        private async Task<HttpConnection> OpenAsync(CancellationToken cancellationToken)
        {
            while (true)
            {
                try
                {
                    return await HttpConnection.OpenAsync(ports[_current], cancellationToken);
                }
                catch (SocketException)
                {
                    Move();
                    await Task.Delay(1, cancellationToken);
                }
            }
        }

        private void Move()
        {
            Moves++;
            _current = 1 - _current;
        }
    }
}
