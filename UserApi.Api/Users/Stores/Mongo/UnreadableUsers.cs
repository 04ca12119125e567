using System.Diagnostics.Metrics;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Counts the documents that were met and are no users, and warns of the first one.</summary>
internal sealed partial class UnreadableUsers : IDisposable
{
    private readonly ILogger _logger;
    private readonly Meter _meter;
    private readonly Counter<long> _counter;
    private int _isWarned;

    /// <summary>Makes the counter.</summary>
    /// <param name="meters">Makes meters.</param>
    /// <param name="logger">Where the warning goes.</param>
    public UnreadableUsers(IMeterFactory meters, ILogger<UnreadableUsers> logger)
    {
        _logger = logger;
        _meter = meters.Create(InstrumentedUserStore.TelemetryName);
        _counter = _meter.CreateCounter<long>(
            "userapi.users.unreadable", "{document}", "Documents of the collection that are no users, each time that one is met.");
    }

    /// <summary>Counts documents.</summary>
    /// <param name="count">How many were met.</param>
    public void Add(int count)
    {
        if (count > 0)
        {
            _counter.Add(count);
            if (Interlocked.Exchange(ref _isWarned, 1) == 0)
            {
                LogUnreadable();
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    [LoggerMessage(4, LogLevel.Warning,
        "The collection holds documents that are no users: another program has written an _id, name, email or attributes of another kind. "
        + "They are left out of pages and cannot be read. The metric userapi.users.unreadable counts them; this is not logged again.")]
    private partial void LogUnreadable();
}
