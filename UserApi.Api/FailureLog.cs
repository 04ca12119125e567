namespace UserApi.Api;

/// <summary>
/// Logs a continuing failure: one line when it begins, at most one per minute with the count while it lasts, and one when it ends.
/// It ends with the first success after ten seconds without a failure, so that a failure that comes and goes does not fill the log.
/// </summary>
/// <param name="logger">The logger of the lines.</param>
/// <param name="failure">What fails, as a sentence without a full stop.</param>
/// <param name="clock">Measures the time between lines.</param>
internal sealed partial class FailureLog(ILogger logger, string failure, TimeProvider clock)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan s_quiet = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private volatile bool _isFailing;
    private long _began;
    private long _latest;
    private long _logged;
    private long _count;

    /// <summary>Counts a failure.</summary>
    /// <param name="reason">Why, in a few words without personal data.</param>
    public void Failed(string reason)
    {
        lock (_lock)
        {
            var now = clock.GetTimestamp();
            Volatile.Write(ref _latest, now);
            if (!_isFailing)
            {
                (_isFailing, _began, _logged, _count) = (true, now, now, 1);
                LogBegin(failure, reason);
                return;
            }

            _count++;
            if (clock.GetElapsedTime(_logged, now) >= s_interval)
            {
                _logged = now;
                LogCount(failure, _count, Seconds(_began, now), reason);
            }
        }
    }

    /// <summary>Records a success, which costs nothing while there is no failure.</summary>
    public void Succeeded()
    {
        if (!_isFailing || !IsQuiet())
        {
            return;
        }

        lock (_lock)
        {
            if (_isFailing && IsQuiet())
            {
                _isFailing = false;
                LogEnd(failure, _count, Seconds(_began, _latest));
            }
        }
    }

    private bool IsQuiet() => clock.GetElapsedTime(Volatile.Read(ref _latest)) >= s_quiet;

    private double Seconds(long from, long to) => clock.GetElapsedTime(from, to).TotalSeconds;

    [LoggerMessage(1, LogLevel.Warning, "{Failure}: {Reason}")]
    private partial void LogBegin(string failure, string reason);

    [LoggerMessage(2, LogLevel.Warning, "{Failure}: {Count} times in {Seconds:0} s, the last time because of: {Reason}")]
    private partial void LogCount(string failure, long count, double seconds, string reason);

    [LoggerMessage(3, LogLevel.Information, "{Failure}: ended, after {Count} times in {Seconds:0} s")]
    private partial void LogEnd(string failure, long count, double seconds);
}
