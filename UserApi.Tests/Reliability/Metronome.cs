using System.Diagnostics;

namespace UserApi.Tests.Reliability;

/// <summary>
/// Measures how late the timers of this machine run while others use it, too, so that tests of time can allow for delays that the API does
/// not cause.
/// </summary>
internal sealed class Metronome : IAsyncDisposable
{
    private static readonly TimeSpan s_beat = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenSource _stop = new();
    private readonly Task _beating;
    private long _worst;

    public Metronome() => _beating = BeatAsync();

    /// <summary>The longest delay so far.</summary>
    public TimeSpan Stall => TimeSpan.FromTicks(Interlocked.Read(ref _worst));

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _beating;
        _stop.Dispose();
    }

    private async Task BeatAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            var start = Stopwatch.GetTimestamp();
            await Task.Delay(s_beat, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            var late = Stopwatch.GetElapsedTime(start) - s_beat;
            Interlocked.Exchange(ref _worst, Math.Max(late.Ticks, Interlocked.Read(ref _worst)));
        }
    }
}
