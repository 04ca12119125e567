namespace UserApi.Tests.Reliability;

/// <summary>A network fault, named as in Toxiproxy's README.</summary>
internal abstract record Toxic
{
    /// <summary>
    /// All data is delayed by <paramref name="Delay"/> ± <paramref name="Jitter"/>, and the first data of a client on a connection by
    /// <paramref name="Opening"/> more, the time of TCP, TLS and authentication.
    /// </summary>
    public sealed record Latency(TimeSpan Delay, TimeSpan Jitter = default, TimeSpan Opening = default) : Toxic;

    /// <summary>The proxy does not listen, and open connections are closed.</summary>
    public sealed record Down : Toxic;

    /// <summary>Limits the bytes per second on each connection.</summary>
    public sealed record Bandwidth(int BytesPerSecond) : Toxic;

    /// <summary>The close of a connection is delayed.</summary>
    public sealed record SlowClose(TimeSpan Delay) : Toxic;

    /// <summary>All data is dropped, and each connection is closed after a time; with zero, it is never closed.</summary>
    public sealed record Timeout(TimeSpan After) : Toxic;

    /// <summary>Each connection is reset after a time.</summary>
    public sealed record ResetPeer(TimeSpan After) : Toxic;

    /// <summary>Data arrives in pieces, each delayed by <paramref name="Delay"/>.</summary>
    public sealed record Slicer(int AverageSize, int SizeVariation, TimeSpan Delay) : Toxic;

    /// <summary>Each connection is closed after this number of bytes.</summary>
    public sealed record LimitData(int Bytes) : Toxic;
}

/// <summary>The effects that toxics have had.</summary>
[Flags]
internal enum Effects
{
    None = 0,
    DataDelayed = 1,
    DataDropped = 2,
    EndDelayed = 4,
    ConnectionCut = 8,
}

/// <summary>The direction of the data that a toxic affects, from the client's view.</summary>
[Flags]
internal enum Direction
{
    Upstream = 1,
    Downstream = 2,
    Both = Upstream | Downstream,
}
