namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Times as whole milliseconds since 1970, UTC.</summary>
internal static class UnixTime
{
    private static readonly long s_max = Of(DateTime.MaxValue);

    /// <summary>The milliseconds of a time.</summary>
    public static long Of(DateTime time) => (long)(time - DateTime.UnixEpoch).TotalMilliseconds;

    /// <summary>The time; null for one that no user can have.</summary>
    public static DateTime? Read(long milliseconds) => milliseconds >= 0 && milliseconds <= s_max ? DateTime.UnixEpoch.AddMilliseconds(milliseconds) : null;
}
