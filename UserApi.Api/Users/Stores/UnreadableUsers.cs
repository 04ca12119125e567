using System.Diagnostics.Metrics;

namespace UserApi.Api.Users.Stores;

/// <summary>Counts stored users that cannot be read, and logs a warning for the first one.</summary>
internal sealed partial class UnreadableUsers
{
    private readonly ILogger _logger;
    private readonly Counter<long> _counter;
    private int _isWarned;

    public UnreadableUsers(IMeterFactory meters, ILogger<UnreadableUsers> logger)
    {
        _logger = logger;
        _counter = meters.Create(InstrumentedUserStore.TelemetryName).CreateCounter<long>(
            "userapi.users.unreadable", "{user}", "Stored users that cannot be read, each time that one is found.");
    }

    /// <summary>Counts what was met.</summary>
    public void Add(int count = 1)
    {
        if (count == 0)
        {
            return;
        }

        _counter.Add(count);
        if (Interlocked.Exchange(ref _isWarned, 1) == 0)
        {
            LogUnreadable();
        }
    }

    [LoggerMessage(1, LogLevel.Warning,
        "The store has a user that cannot be read: it is damaged, or another program has written it. Such users are left out of pages "
        + "and are not found. Those with an id that the API allows can be replaced by PUT and removed by DELETE. The metric userapi.users.unreadable counts them; this is not logged again.")]
    private partial void LogUnreadable();
}
