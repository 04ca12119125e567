using System.Collections;
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace UserApi.ServiceDefaults;

/// <summary>
/// Gives every log line the ids of its trace and span, and nothing else. ASP.NET Core's own scopes hold the path of the request, and so
/// whatever a client puts there, an e-mail address for example; the trace says more, and says it without that.
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
        // There is nothing to pop.
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
