using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace UserApi.Tests.Infrastructure;

/// <summary>Collects every log entry with its values, scopes and exception: all that a log processor can receive.</summary>
internal sealed class LogCollector : ILoggerProvider, ISupportExternalScope
{
    private readonly ConcurrentQueue<string> _lines = new();
    private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

    public IReadOnlyCollection<string> Lines => _lines;

    public string Text => string.Join('\n', _lines);

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private static string Describe(object? state) =>
        state is IEnumerable<KeyValuePair<string, object?>> values ? $"{state} {string.Join(' ', values)}" : $"{state}";

    private sealed class Logger(LogCollector collector, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => collector._scopes.Push(state);

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var scopes = new List<string>();
            collector._scopes.ForEachScope((scope, list) => list.Add(Describe(scope)), scopes);
            collector._lines.Enqueue(
                $"{logLevel} {category}: {formatter(state, exception)} | {Describe(state)} | {string.Join(" => ", scopes)} | {exception}");
        }
    }
}
