using System.Collections;
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace UserApi.ServiceDefaults;

/// <summary>
/// Adds only the ids of trace and span to every log line. ASP.NET Core's scopes contain the path of the request, and with it whatever a
/// client puts there, such as an e-mail address; the trace has more details, without the path.
/// </summary>
internal sealed class TraceScopes : IExternalScopeProvider, IDisposable
{
    public void ForEachScope<TState>(Action<object?, TState> callback, TState state)
    {
        if (Activity.Current is { } activity)
        {
            callback(new TraceScope(activity), state);
        }
    }

    public IDisposable Push(object? state) => this;

    public void Dispose()
    {
        // Nothing was pushed.
    }

    private sealed class TraceScope(Activity activity) : IReadOnlyList<KeyValuePair<string, object?>>
    {
        public int Count => 2;

        public KeyValuePair<string, object?> this[int index] => index switch
        {
            0 => new("TraceId", activity.TraceId.ToHexString()),
            1 => new("SpanId", activity.SpanId.ToHexString()),
            _ => throw new ArgumentOutOfRangeException(nameof(index)),
        };

        public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => Enumerable.Range(0, Count).Select(index => this[index]).GetEnumerator();

        public override string ToString() => $"trace {activity.TraceId.ToHexString()}";

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
