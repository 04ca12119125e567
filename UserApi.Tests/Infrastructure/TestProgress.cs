using System.Collections.Concurrent;
using System.Diagnostics;
using Xunit.Sdk;

namespace UserApi.Tests.Infrastructure;

/// <summary>
/// Every 30 s, appends a line to the file that <c>USERAPI_TEST_PROGRESS</c> names: how many tests are done, and which have run the longest.
/// If its output is not a terminal, <c>dotnet test</c> shows nothing before the end (github.com/dotnet/sdk/pull/52550) and hides what the
/// tests' process writes.
/// </summary>
internal sealed class TestProgress : IMessageSink, IDisposable
{
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(30);

    private readonly IMessageSink _inner;
    private readonly int _total;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly ConcurrentDictionary<string, (string Name, long Start)> _running = new();
    private readonly Timer? _timer;
    private int _done;
    private int _failed;

    public TestProgress(IMessageSink inner, int total)
    {
        (_inner, _total) = (inner, total);
        if (Environment.GetEnvironmentVariable("USERAPI_TEST_PROGRESS") is { Length: > 0 } file)
        {
            _timer = new(_ => File.AppendAllText(file, Describe() + "\n"), null, s_interval, s_interval);
        }
    }

    public bool OnMessage(IMessageSinkMessage message)
    {
        switch (message)
        {
            case ITestStarting test:
                _running[test.TestUniqueID] = (test.TestDisplayName, Stopwatch.GetTimestamp());
                break;
            case ITestFailed:
                Interlocked.Increment(ref _failed);
                break;
            case ITestFinished test:
                _running.TryRemove(test.TestUniqueID, out _);
                break;
            case ITestCaseFinished:
                Interlocked.Increment(ref _done);
                break;
        }

        return _inner.OnMessage(message);
    }

    public void Dispose() => _timer?.Dispose();

    private string Describe()
    {
        var longest = _running.Values.OrderBy(test => test.Start).Take(3)
            .Select(test => $"{test.Name.Replace("UserApi.Tests.", "", StringComparison.Ordinal)} ({Stopwatch.GetElapsedTime(test.Start).TotalSeconds:0} s)");
        return $"{Stopwatch.GetElapsedTime(_start).TotalSeconds:0} s: {_done} of {_total} tests done, {_failed} failed. Running: {string.Join(", ", longest)}";
    }
}
