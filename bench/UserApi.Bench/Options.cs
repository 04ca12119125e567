namespace UserApi.Bench;

/// <summary>How much is measured.</summary>
/// <param name="IsQuick">A result in two minutes.</param>
/// <param name="Rounds">How many turns each contender has.</param>
/// <param name="Duration">The duration of a turn.</param>
/// <param name="Only">The names, or parts of names, of the contenders to measure; empty for all.</param>
/// <param name="NoReadyToRun">Why the API was not compiled ahead of time; null if it was.</param>
internal sealed record Options(bool IsQuick, int Rounds, TimeSpan Duration, IReadOnlyList<string> Only, string? NoReadyToRun)
{
    public int Users { get; } = 10_000;

    public IReadOnlyList<Workload> Workloads => IsQuick ? [Workload.Get, Workload.Put, Workload.PutAnswered, Workload.Page, Workload.Refused] : Enum.GetValues<Workload>();

    public TimeSpan WarmUp => TimeSpan.FromSeconds(IsQuick ? 1 : 6);

    /// <summary>The loads, in the order in which they are run.</summary>
    public IEnumerable<(Workload Workload, int Connections)> Loads =>
        from connections in IsQuick ? [64] : (int[])[1, 16, 64]
        from workload in Workloads
        select (workload, connections);

    public bool Includes(Contender contender) =>
        Only.Count == 0 || Only.Any(part => contender.Name.Contains(part, StringComparison.OrdinalIgnoreCase));
}
