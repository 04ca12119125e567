using System.Diagnostics;

namespace UserApi.Chaos;

/// <summary>Samples of a value over time.</summary>
internal sealed class Series(string name, string unit)
{
    public string Name => name;

    public string Unit => unit;

    public List<(double Seconds, double Value)> Points { get; } = [];

    /// <summary>How far the regression line (least squares) of the points after <paramref name="from"/> rises from its start to its end.</summary>
    public double Rise(double from)
    {
        var points = Points.Where(point => point.Seconds >= from).ToList();
        var (meanX, meanY) = (points.Average(point => point.Seconds), points.Average(point => point.Value));
        var slope = points.Sum(point => (point.Seconds - meanX) * (point.Value - meanY)) / points.Sum(point => Math.Pow(point.Seconds - meanX, 2));
        return slope * (points[^1].Seconds - points[0].Seconds);
    }

    public double Mean(double from) => Points.Where(point => point.Seconds >= from).Average(point => point.Value);
}

/// <summary>Samples a process until it is told to stop.</summary>
internal sealed class Sampler
{
    public Series Memory { get; } = new("resident memory", "MiB");

    public Series Handles { get; } = new("handles", "");

    public Series Threads { get; } = new("threads", "");

    public Series Connections { get; } = new("connections to the database", "");

    /// <param name="api">The process.</param>
    /// <param name="connections">How many connections its database has; null without a database server.</param>
    /// <param name="interval">The time between two samples.</param>
    /// <param name="stop">Ends the sampling.</param>
    public async Task RunAsync(ApiProcess api, Func<int>? connections, TimeSpan interval, CancellationToken stop)
    {
        var start = Stopwatch.GetTimestamp();
        try
        {
            while (true)
            {
                var (seconds, sample) = (Stopwatch.GetElapsedTime(start).TotalSeconds, api.Sample());
                Memory.Points.Add((seconds, sample.MebibytesResident));
                Handles.Points.Add((seconds, sample.Handles));
                Threads.Points.Add((seconds, sample.Threads));
                if (connections is not null)
                {
                    Connections.Points.Add((seconds, connections()));
                }

                await Task.Delay(interval, stop);
            }
        }
        catch (OperationCanceledException)
        {
            // Told to
        }
    }
}
