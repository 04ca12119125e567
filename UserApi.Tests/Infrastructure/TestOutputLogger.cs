using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace UserApi.Tests.Infrastructure;

/// <summary>
/// Keeps the last log entries of an API for the output of its test, which is shown only if the test fails.
/// </summary>
internal sealed class TestOutputLogger : ILoggerProvider
{
    private const int MaxLines = 50;

    private readonly ITestOutputHelper? _output = TestContext.Current.TestOutputHelper;
    private readonly ConcurrentQueue<string> _lines = new();
    private int _count;

    /// <summary>Writes the entries to the output of the test that created the logger.</summary>
    public void WriteLines()
    {
        if (!_lines.IsEmpty)
        {
            _output?.WriteLine($"The API's log, the last {_lines.Count} of {_count} entries:\n{string.Join('\n', _lines)}");
        }
    }

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
    }

    private void Add(string line)
    {
        _lines.Enqueue(line);
        if (Interlocked.Increment(ref _count) > MaxLines)
        {
            _lines.TryDequeue(out _);
        }
    }

    private sealed class Logger(TestOutputLogger owner, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            owner.Add($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel} {category}: {formatter(state, exception)} {exception}");
    }
}
