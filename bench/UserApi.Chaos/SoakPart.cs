using System.Net.Sockets;
using UserApi.MongoWire;

namespace UserApi.Chaos;

/// <summary>Minutes of mixed load on both stores: memory, threads and other resources must not grow.</summary>
internal static class SoakPart
{
    private const string Plot = "bench/results/soak.svg";
    private const double RequestsPerSecond = 100;
    private const int Connections = 128;
    private const int Users = 500;

    public static async Task RunAsync(Report report, double minutes, CancellationToken cancellationToken)
    {
        var duration = TimeSpan.FromMinutes(minutes);
        using var folder = new WorkFolder();
        await using var database = await MongoWireServer.StartAsync();
        await using var embedded = ApiProcess.Start([.. ApiProcess.Embedded(folder["users.db"]), ApiProcess.SmallHeap]);
        await using var mongoDb = ApiProcess.Start([.. ApiProcess.MongoDb(database.ConnectionString), ApiProcess.SmallHeap]);
        var runs = new[]
        {
            (Store: "embedded", Api: embedded, Connections: (Func<int>?)null, Sampler: new Sampler()),
            (Store: "MongoDB", Api: mongoDb, Connections: () => database.OpenConnections, Sampler: new Sampler()),
        };

        using var sampling = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var results = await Task.WhenAll(runs.Select(async run =>
        {
            await run.Api.ReadyAsync(cancellationToken);

            // Starts with the highest concurrency, so that pools that grow with the first burst are not taken for leaks.
            await new Load(run.Api.Port, Mixed).ServeAsync(Connections, TimeSpan.FromSeconds(10), cancellationToken);
            var samples = run.Sampler.RunAsync(run.Api, run.Connections, duration / 200, sampling.Token);
            var quitters = HangUpAsync(run.Api.Port, sampling.Token);
            var result = await new Load(run.Api.Port, Mixed).OfferAsync(RequestsPerSecond, duration, Connections, cancellationToken);
            await sampling.CancelAsync();
            await Task.WhenAll(samples, quitters);
            return result;
        }));

        var from = duration.TotalSeconds / 5;
        foreach (var (run, result) in runs.Zip(results))
        {
            var name = $"soak, {run.Store}";
            report.Add(
                name, $"{minutes:0.#} min of {RequestsPerSecond:0}/s mixed: no request is cut or answered with a 5xx other than 503",
                result.Failed == 0 && result.Accepted.Count > 0,
                $"{result.Accepted.Count} × 2xx (p99 {result.Accepted.Percentile(0.99):0.0} ms), {result.Other} × 304 and 4xx, {result.Refused.Count} × 503, {result.Failed} failed, {result.Unsent} not sent");
            Judge(name, run.Sampler.Memory, run.Sampler.Memory.Mean(from) / 10);
            Judge(name, run.Sampler.Handles, 5);
            Judge(name, run.Sampler.Threads, 3);
            if (run.Connections is not null)
            {
                Judge(name, run.Sampler.Connections, 3);
            }
        }

        await SoakPlot.WriteAsync(Plot, [.. runs.Select(run => (run.Store, run.Sampler))], cancellationToken);

        void Judge(string name, Series series, double bound) => report.Add(
            name, $"{series.Name}: flat after the first fifth (its line rises by less than {bound:0} {series.Unit})".Replace(" )", ")", StringComparison.Ordinal),
            series.Rise(from) < bound,
            $"mean {series.Mean(from):0.0}, at most {series.Points.Max(point => point.Value):0}, rise {series.Rise(from):+0.0;-0.0;0} {series.Unit}");
    }

    /// <summary>All operations of the API, with users that are created, changed and deleted.</summary>
    private static byte[] Mixed(long number)
    {
        var path = $"/users/u{number / 20 * 7 % Users}";
        return (number % 20) switch
        {
            < 4 => HttpConnection.Request("PUT", path, StampedUser.Body(number)),
            < 6 => HttpConnection.Request("PATCH", path, $$$"""{"attributes":{"team":"t{{{number}}}"}}""", type: "application/merge-patch+json"),
            < 13 => HttpConnection.Request("GET", path),
            13 => HttpConnection.Request("GET", path, headers: "If-None-Match: *\r\n"), // 304
            < 16 => HttpConnection.Request("GET", "/users?limit=50"),
            16 => HttpConnection.Request("PUT", path, StampedUser.Body(number), headers: "If-Match: \"of another life\"\r\n"), // 412
            17 => HttpConnection.Request("PUT", path, """{"name":7}"""), // 422
            18 => HttpConnection.Request("PUT", path, """{"name":"""), // 400
            _ => HttpConnection.Request("DELETE", path),
        };
    }

    /// <summary>Closes a connection in the middle of a request once a second.</summary>
    private static async Task HangUpAsync(int port, CancellationToken stop)
    {
        var request = HttpConnection.Request("PUT", "/users/quitter", StampedUser.Body(999));
        try
        {
            while (true)
            {
                using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
                {
                    await socket.ConnectAsync("127.0.0.1", port, stop);
                    await socket.SendAsync(request.AsMemory(0, request.Length / 2), stop);
                }

                await Task.Delay(1000, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to
        }
    }
}
