using UserApi.Api;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Stores;

public sealed class FailureLogTests : IDisposable
{
    private readonly LogCollector _log = new();
    private readonly ManualClock _clock = new();
    private readonly FailureLog _failures;

    public FailureLogTests() => _failures = new(_log.CreateLogger("test"), "It fails", _clock);

    private IEnumerable<string> Lines => _log.Lines.Select(line => line.Split(" | ")[0]);

    public void Dispose() => _log.Dispose();

    [Fact]
    public void A_failure_that_goes_on_is_a_line_then_one_a_minute_and_one_when_it_is_over()
    {
        for (var second = 0; second < 150; second++)
        {
            for (var i = 0; i < 1_000; i++)
            {
                _failures.Failed($"reason {second}");
            }

            _clock.Now += TimeSpan.FromSeconds(1);
        }

        _clock.Now += TimeSpan.FromSeconds(10);
        _failures.Succeeded();
        _failures.Succeeded();
        _failures.Failed("another");

        Assert.Equal(
            [
                "Warning test: It fails: reason 0",
                "Warning test: It fails: 60001 times in 60 s, the last time because of: reason 60",
                "Warning test: It fails: 120001 times in 120 s, the last time because of: reason 120",
                "Information test: It fails: ended, after 150000 times in 149 s",
                "Warning test: It fails: another",
            ],
            Lines);
    }

    [Fact]
    public void A_failure_that_comes_and_goes_is_one()
    {
        for (var second = 0; second < 50; second++)
        {
            _failures.Failed("now and then");
            _failures.Succeeded();
            _clock.Now += TimeSpan.FromSeconds(1);
        }

        Assert.Equal(["Warning test: It fails: now and then"], Lines);
    }

    [Fact]
    public void A_success_says_nothing()
    {
        _failures.Succeeded();

        Assert.Empty(Lines);
    }
}
