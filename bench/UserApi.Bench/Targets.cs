namespace UserApi.Bench;

/// <summary>A target and the result of this run.</summary>
/// <param name="What">What is compared.</param>
/// <param name="Bound">The lower or upper limit.</param>
/// <param name="Value">The measured value; null if the run did not measure it.</param>
internal sealed record Target(string What, Bound Bound, double? Value)
{
    /// <summary>Why the target is hard to reach, as profiling showed; reported if it is not reached.</summary>
    public string Reason { get; init; } = "";

    public bool IsReached => Bound.IsLeast ? Value >= Bound.Limit : Value <= Bound.Limit;
}

/// <summary>A lower or upper limit.</summary>
internal sealed record Bound(bool IsLeast, double Limit, string Unit = "")
{
    public static Bound AtLeast(double limit) => new(true, limit);

    public static Bound AtMost(double limit, string unit = "") => new(false, limit, unit);
}

/// <summary>What the API must reach, as ratios within one run.</summary>
internal sealed class Targets(IReadOnlyList<Row> rows, IReadOnlyList<StartupRow> starts, IReadOnlyList<GrowthRow> growth)
{
    private const int Connections = 64;
    private const double MiB = 1024 * 1024;
    private const string MappedFiles = "some 70 MiB are the files of the runtime and the program, mapped and shareable, 20 MiB compiled code";

    public IReadOnlyList<Target> All =>
    [
        new("GET, MongoDB, against the bare minimal API", Bound.AtLeast(4), Speed(Workload.Get, Contenders.MongoDb, Contenders.MinimalApi)),
        new("PUT, MongoDB, return=minimal, against the bare minimal API", Bound.AtLeast(2.5), Speed(Workload.Put, Contenders.MongoDb, Contenders.MinimalApi)),
        new(
            "PUT, MongoDB, answered with the user, against the PUT of the bare minimal API",
            Bound.AtLeast(1),
            Ratio(Find(Workload.PutAnswered, Contenders.MongoDb), load => load.RequestsPerSecond, Find(Workload.Put, Contenders.MinimalApi))),
        new("GET, every request traced, against none traced", Bound.AtLeast(0.8), Speed(Workload.Get, Contenders.Traced, Contenders.Untraced)),
        new("GET, embedded store, against the constant answer", Bound.AtLeast(0.65), Speed(Workload.Get, Contenders.Embedded, Contenders.Constant))
        {
            Reason = "routing, limits, timeouts and the response cost as much again as Kestrel alone, before SQLite is asked",
        },
        new("page of 50, embedded store, against the bare minimal API on MongoDB", Bound.AtLeast(1), Speed(Workload.Page, Contenders.Embedded, Contenders.MinimalApi)),
        new("page of 50, MongoDB, against the bare minimal API", Bound.AtLeast(1), Speed(Workload.Page, Contenders.MongoDb, Contenders.MinimalApi)),
        new(
            "PUT, embedded store, against one SQLite transaction per request",
            Bound.AtLeast(3),
            Speed(Workload.Put, Contenders.Embedded, Contenders.SqlitePerRequest)),
        new("p99 of GET, MongoDB, against the bare minimal API", Bound.AtMost(1), Ratio(Workload.Get, load => load.P99, Contenders.MongoDb, Contenders.MinimalApi)),
        new(
            "processor time of a refusal (429) against that of a GET, MongoDB",
            Bound.AtMost(0.5),
            Ratio(Find(Workload.Refused, Contenders.Refusing), load => load.CpuPerRequest, Find(Workload.Get, Contenders.MongoDb))),
        new("cold start, MongoDB, against FastAPI", Bound.AtMost(1), Start(Contenders.MongoDb) / Start(Contenders.FastApi))
        {
            Reason = "some 2,000 methods, generic ones of the framework and the driver, have no code that ReadyToRun may keep",
        },
        new("idle memory, embedded store", Bound.AtMost(70, "MiB"), Idle(Contenders.Embedded)) { Reason = MappedFiles },
        new("peak memory, MongoDB, GET", Bound.AtMost(120, "MiB"), Peak(Contenders.MongoDb)) { Reason = MappedFiles },
        new("peak memory, embedded store, GET", Bound.AtMost(120, "MiB"), Peak(Contenders.Embedded)) { Reason = MappedFiles },
        .. from store in (string[])[Contenders.Embedded, Contenders.MongoDb]
           from page in (string[])[Growth.FirstPage, Growth.LastPage]
           select new Target($"{page} at 1,000,000 users against at 1,000: {store}", Bound.AtMost(1.2), Cost(store, page)),
    ];

    private double? Speed(Workload workload, string ours, string theirs) => Ratio(workload, load => load.RequestsPerSecond, ours, theirs);

    private double? Ratio(Workload workload, Func<Load, double> figure, string ours, string theirs) =>
        Ratio(Find(workload, ours), figure, Find(workload, theirs));

    /// <summary>The median of the rounds' ratios: both sides of each were measured within the same minute. Null where a turn of either failed.</summary>
    private static double? Ratio(Row? ours, Func<Load, double> figure, Row? theirs) =>
        ours is null || theirs is null || ours.Rounds.Concat(theirs.Rounds).Any(load => load.HasFailed)
            ? null
            : Statistics.Median(ours.Rounds.Zip(theirs.Rounds, (our, their) => figure(our) / figure(their)));

    private double? Peak(string name) => Find(Workload.Get, name)?.Rounds.Max(load => load.Peak) / MiB;

    private double? Idle(string name) =>
        starts.FirstOrDefault(start => start.Contender == name) is { } row ? Statistics.Median(row.IdleBytes) / MiB : null;

    private double? Start(string name) =>
        starts.FirstOrDefault(start => start.Contender == name) is { } row ? Statistics.Median(row.Seconds) : null;

    private double? Cost(string store, string page)
    {
        return At(Growth.Sizes[0]) / At(Growth.Sizes[^1]);

        double? At(int users) => growth.FirstOrDefault(row => (row.Store, row.Operation, row.Users) == (store, page, users))?.RequestsPerSecond;
    }

    private Row? Find(Workload workload, string name) =>
        rows.FirstOrDefault(row => (row.Contender, row.Workload, row.Connections) == (name, workload, Connections));
}
