namespace UserApi.Tests.Infrastructure;

/// <summary>A clock that stands still until it is moved.</summary>
internal sealed class ManualClock : TimeProvider
{
    public DateTimeOffset Now { get; set; } = new(2024, 2, 29, 23, 59, 58, 765, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => Now;
}
