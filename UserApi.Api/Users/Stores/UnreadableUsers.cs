using System.Diagnostics.Metrics;

namespace UserApi.Api.Users.Stores;

/// <summary>Counts what a store keeps in the place of a user and cannot be read as one, and warns of the first.</summary>
internal sealed partial class UnreadableUsers
{
    private readonly ILogger _logger;
    private readonly Counter<long> _counter;
    private int _isWarned;

    public UnreadableUsers(IMeterFactory meters, ILogger<UnreadableUsers> logger)
    {
        _logger = logger;
        _counter = meters.Create(InstrumentedUserStore.TelemetryName).CreateCounter<long>(
            "userapi.users.unreadable", "{user}", "What is stored in the place of a user and cannot be read as one, each time that it is met.");
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
        "The store holds what cannot be read as a user: it is damaged, or another program has written to it. Such users are left out of pages "
        + "and are not found. Those with an id that the API allows can be replaced by PUT and removed by DELETE. The metric userapi.users.unreadable counts them; this is not logged again.")]
    private partial void LogUnreadable();
}
