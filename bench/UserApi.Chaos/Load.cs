using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;

namespace UserApi.Chaos;

/// <summary>The times of responses of one kind.</summary>
internal sealed class Latencies
{
    private readonly ConcurrentQueue<float> _milliseconds = new();

    public int Count => _milliseconds.Count;

    public void Add(TimeSpan time) => _milliseconds.Enqueue((float)time.TotalMilliseconds);

    /// <summary>A percentile in milliseconds; 0 when there was no response.</summary>
    public double Percentile(double share)
    {
        var sorted = _milliseconds.Order().ToArray();
        return sorted.Length == 0 ? 0 : sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
    }
}

/// <summary>The result of a load.</summary>
internal sealed class LoadResult
{
    private int _withoutRetryAfter;
    private int _failed;
    private int _other;

    public Latencies Accepted { get; } = new();

    /// <summary>Responses with status 503.</summary>
    public Latencies Refused { get; } = new();

    public int RefusedWithoutRetryAfter => _withoutRetryAfter;

    /// <summary>Cut, without a response, or a 5xx other than 503.</summary>
    public int Failed => _failed;

    /// <summary>Responses with status 3xx or 4xx.</summary>
    public int Other => _other;

    /// <summary>Not sent, because every connection was waiting for a response.</summary>
    public int Unsent { get; set; }

    public TimeSpan Duration { get; set; }

    public double AcceptedPerSecond => Accepted.Count / Duration.TotalSeconds;

    public void Add(Answer answer, TimeSpan time)
    {
        if (answer.IsSuccess)
        {
            Accepted.Add(time);
        }
        else if (answer.Status == 503)
        {
            Refused.Add(time);
            Interlocked.Add(ref _withoutRetryAfter, answer.HasRetryAfter ? 0 : 1);
        }
        else if (answer.Status < 500)
        {
            Interlocked.Increment(ref _other);
        }
        else
        {
            AddFailure();
        }
    }

    public void AddFailure() => Interlocked.Increment(ref _failed);
}

/// <summary>Load on one API.</summary>
/// <param name="port">The API's port.</param>
/// <param name="request">Returns the request with a number.</param>
internal sealed class Load(int port, Func<long, byte[]> request)
{
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(30);

    /// <summary>Closed loop: each caller sends its next request after the response to the last one. Measures the API's capacity.</summary>
    public async Task<LoadResult> ServeAsync(int callers, TimeSpan duration, CancellationToken cancellationToken)
    {
        var result = new LoadResult();
        var number = 0L;
        var start = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(async _ =>
        {
            using var caller = new Caller(port);
            while (Stopwatch.GetElapsedTime(start) < duration)
            {
                await caller.SendAsync(request(Interlocked.Increment(ref number)), Stopwatch.GetTimestamp(), result, cancellationToken);
            }
        }));
        result.Duration = Stopwatch.GetElapsedTime(start);
        return result;
    }

    /// <summary>
    /// Open loop: requests are due at a constant rate, whatever happens to earlier ones, on as many connections as needed, up to a limit.
    /// The time of a response counts from when its request was due.
    /// </summary>
    public async Task<LoadResult> OfferAsync(double perSecond, TimeSpan duration, int connections, CancellationToken cancellationToken)
    {
        var result = new LoadResult();
        var idle = new ConcurrentStack<Caller>();
        var callers = Enumerable.Range(0, connections).Select(_ => new Caller(port)).ToList();
        await Task.WhenAll(callers.Select(caller => caller.OpenAsync(cancellationToken)));
        idle.PushRange([.. callers]);
        var start = Stopwatch.GetTimestamp();
        var number = 0L;
        for (var elapsed = TimeSpan.Zero; elapsed < duration; elapsed = Stopwatch.GetElapsedTime(start))
        {
            for (var due = (long)(elapsed.TotalSeconds * perSecond); number < due; number++)
            {
                if (idle.TryPop(out var caller))
                {
                    var dueAt = start + (long)(number / perSecond * Stopwatch.Frequency);
                    _ = SendAsync(caller, request(number), dueAt);
                }
                else
                {
                    result.Unsent++;
                }
            }

            await Task.Delay(1, cancellationToken);
        }

        result.Duration = Stopwatch.GetElapsedTime(start);
        while (idle.Count < connections)
        {
            await Task.Delay(10, cancellationToken);
        }

        callers.ForEach(caller => caller.Dispose());
        return result;

        async Task SendAsync(Caller caller, byte[] bytes, long dueAt)
        {
            await caller.SendAsync(bytes, dueAt, result, cancellationToken);
            idle.Push(caller);
        }
    }

    /// <summary>A caller with one connection, which it reopens when it was closed.</summary>
    private sealed class Caller(int port) : IDisposable
    {
        private HttpConnection? _connection;

        public async Task OpenAsync(CancellationToken cancellationToken) => _connection = await HttpConnection.OpenAsync(port, cancellationToken);

        public async Task SendAsync(byte[] bytes, long since, LoadResult result, CancellationToken cancellationToken)
        {
            using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            timeout.CancelAfter(s_timeout);
            try
            {
                if (_connection is { IsClosed: true })
                {
                    Dispose(); // Kestrel closes idle connections.
                }

                _connection ??= await HttpConnection.OpenAsync(port, timeout.Token);
                var answer = await _connection.SendAsync(bytes, timeout.Token);
                result.Add(answer, Stopwatch.GetElapsedTime(since));
                if (answer.Closes)
                {
                    Dispose();
                }
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException or OperationCanceledException)
            {
                result.AddFailure();
                Dispose();
            }
        }

        public void Dispose()
        {
            _connection?.Dispose();
            _connection = null;
        }
    }
}
