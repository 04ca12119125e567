namespace UserApi.Tests.Reliability;

/// <summary>What is wrong with a network, in the terms of Toxiproxy's README.</summary>
internal abstract record Toxic
{
    /// <summary>
    /// All data is late by <paramref name="Delay"/>, give or take <paramref name="Jitter"/>, and the first that a client sends on a connection
    /// by <paramref name="Opening"/> more: what TCP, TLS and a password take before it.
    /// </summary>
    public sealed record Latency(TimeSpan Delay, TimeSpan Jitter = default, TimeSpan Opening = default) : Toxic;

    /// <summary>Nobody listens, and the connections there were are closed.</summary>
    public sealed record Down : Toxic;

    /// <summary>No more than so many bytes a second pass on each connection.</summary>
    public sealed record Bandwidth(int BytesPerSecond) : Toxic;

    /// <summary>The end of a connection is passed on late.</summary>
    public sealed record SlowClose(TimeSpan Delay) : Toxic;

    /// <summary>All data is dropped, and each connection is closed after a while; after zero, never: a black hole.</summary>
    public sealed record Timeout(TimeSpan After) : Toxic;

    /// <summary>Each connection is reset after a while.</summary>
    public sealed record ResetPeer(TimeSpan After) : Toxic;

    /// <summary>Data comes in pieces, each late by <paramref name="Delay"/>.</summary>
    public sealed record Slicer(int AverageSize, int SizeVariation, TimeSpan Delay) : Toxic;

    /// <summary>Each connection is closed when so many bytes have passed.</summary>
    public sealed record LimitData(int Bytes) : Toxic;
}

/// <summary>What toxics have done.</summary>
[Flags]
internal enum Effects
{
    None = 0,
    DataDelayed = 1,
    DataDropped = 2,
    EndDelayed = 4,
    ConnectionCut = 8,
}

/// <summary>The data that a toxic works on, seen from the client.</summary>
[Flags]
internal enum Direction
{
    Upstream = 1,
    Downstream = 2,
    Both = Upstream | Downstream,
}
