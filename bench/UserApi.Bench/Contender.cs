using System.Globalization;

namespace UserApi.Bench;

/// <summary>A program that is measured.</summary>
/// <param name="Name">Its name in tables and in <c>--only</c>.</param>
/// <param name="Command">The command that starts it, for an address to listen on.</param>
internal sealed record Contender(string Name, Func<Uri, Command> Command)
{
    public IReadOnlyList<Workload> Workloads { get; init; } = [Workload.Get, Workload.Put, Workload.Mix];

    /// <summary>A command that succeeds if this contender can run.</summary>
    public Command? Requires { get; init; }

    /// <summary>For a contender that generates its own load, see <c>peers/raw-driver</c>; null if wrk generates it.</summary>
    public Func<Workload, int, TimeSpan, Command>? Loop { get; init; }
}

/// <summary>The contenders, on one database server.</summary>
/// <param name="places">The folders of the programs.</param>
/// <param name="users">The number of users.</param>
/// <param name="url">The database with users in UserApi's format.</param>
/// <param name="peersUrl">The database with users in the peers' format.</param>
/// <param name="file">The embedded store's file.</param>
/// <param name="peerFile">The file of the peer with SQLite.</param>
internal sealed class Contenders(Places places, int users, string url, string peersUrl, string file, string peerFile)
{
    public const string Embedded = "UserApi, embedded store";
    public const string MongoDb = "UserApi, MongoDB";
    public const string Traced = "UserApi, MongoDB, every request traced";
    public const string Untraced = "UserApi, MongoDB, no request traced";
    public const string Refusing = "UserApi, MongoDB, caller over its limit";
    public const string MinimalApi = "bare minimal API, MongoDB";
    public const string Constant = "constant answer";
    public const string RawDriver = "raw driver in a loop";
    public const string SqlitePerRequest = "bare minimal API, SQLite";
    public const string Fastify = "Fastify";
    public const string Fastify2 = "Fastify, 2 processes";
    public const string FastApi = "FastAPI";
    public const string FastApi2 = "FastAPI, 2 workers";

    private readonly Dictionary<string, string> _peerEnvironment = new() { ["MONGODB_URL"] = peersUrl };

    /// <summary>The contenders that are compared under load.</summary>
    public IEnumerable<Contender> Loaded =>
    [
        Api(places, Embedded, places.Api, EmbeddedStore(file)) with { Workloads = s_all },
        Api(places, MongoDb, places.Api, MongoStore(url)) with { Workloads = s_all },
        Api(places, Traced, places.Api, MongoStore(url), ("OTEL_TRACES_SAMPLER_ARG", "1")) with { Workloads = [Workload.Get] },
        Api(places, Untraced, places.Api, MongoStore(url), ("OTEL_TRACES_SAMPLER_ARG", "0")) with { Workloads = [Workload.Get] },
        Api(places, Refusing, places.Api, MongoStore(url), ("Limits__RequestsPerSecondPerCaller", "1"), ("Limits__BurstPerCaller", "1")) with
        {
            Workloads = [Workload.Refused],
        },
        new(MinimalApi, address => Dotnet("minimal-api", "MinimalApi", _peerEnvironment, "--urls", address.OriginalString))
        {
            Workloads = [Workload.Get, Workload.Put, Workload.Page, Workload.Mix],
        },
        new(Fastify, address => Node("server.js", 1, address)) { Requires = s_node },
        new(Fastify2, address => Node("cluster.js", 2, address)) { Requires = s_node },
        new(FastApi, address => Python(1, address)) { Requires = s_python },
        new(FastApi2, address => Python(2, address)) { Requires = s_python },
        new(SqlitePerRequest, address => Dotnet(
            "sqlite-per-request", "SqlitePerRequest", new() { ["PATH_OF_USERS"] = peerFile }, "--urls", address.OriginalString)),
        new(RawDriver, _ => throw new NotSupportedException("It does not listen.")) { Loop = RawLoop },
        new(Constant, address => Dotnet("kestrel-constant", "KestrelConstant", [], address.OriginalString)) { Workloads = [Workload.Get] },
    ];

    /// <summary>The contenders whose start-up is compared.</summary>
    public IEnumerable<Contender> Started =>
    [
        .. Loaded.Where(contender => contender.Name is Embedded or MongoDb or MinimalApi or Fastify or FastApi),
        .. places.HasReadyToRun
            ? (Contender[])
            [
                Api(places, $"{Embedded}, no ReadyToRun", Places.ApiPlain, EmbeddedStore(file)),
                Api(places, $"{MongoDb}, no ReadyToRun", Places.ApiPlain, MongoStore(url)),
            ]
            : [],
    ];

    private static readonly Workload[] s_all = [Workload.Get, Workload.Put, Workload.PutAnswered, Workload.Page, Workload.Mix];
    private static readonly Command s_node = new("node", ["--version"]);
    private static readonly Command s_python = new("/usr/bin/python3", ["-c", "import fastapi, httptools, pymongo, uvicorn, uvloop"]);

    /// <summary>
    /// The API as the deployment runs it: Production, its defaults, and a tenth of the requests traced. The spans are sent to a port where
    /// nobody listens: a collector would take its processor time from this machine.
    /// </summary>
    public static Contender Api(
        Places places, string name, string build, Dictionary<string, string> store, params IEnumerable<(string Key, string Value)> settings)
    {
        var environment = new Dictionary<string, string>(store)
        {
            ["Authentication__AllowAnonymous"] = "true",
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9",
            ["OTEL_TRACES_SAMPLER"] = "traceidratio",
            ["OTEL_TRACES_SAMPLER_ARG"] = "0.1",
        };
        foreach (var (key, value) in settings)
        {
            environment[key] = value;
        }

        return new(name, address => new("dotnet", [places.Program(build, "UserApi.Api"), "--urls", address.OriginalString])
        {
            Environment = environment,
            WorkingDirectory = Path.Combine(places.Built, build),
        });
    }

    public static Dictionary<string, string> EmbeddedStore(string path) => new() { ["Store__Kind"] = "Embedded", ["Store__Path"] = path };

    public static Dictionary<string, string> MongoStore(string url) => new() { ["ConnectionStrings__users"] = url };

    private Command Dotnet(string name, string assembly, Dictionary<string, string> environment, params string[] arguments) =>
        new("dotnet", [places.Program(name, assembly), .. arguments])
        {
            Environment = environment,
            WorkingDirectory = Path.Combine(places.Built, name),
        };

    private Command Node(string script, int workers, Uri address) => new("node", [script])
    {
        Environment = new Dictionary<string, string>(_peerEnvironment)
        {
            ["NODE_ENV"] = "production",
            ["PORT"] = Text(address.Port),
            ["WORKERS"] = Text(workers),
        },
        WorkingDirectory = places.Peer("fastify"),
    };

    private Command Python(int workers, Uri address) => new(
        "/usr/bin/python3",
        ["-m", "uvicorn", "main:app", "--port", Text(address.Port), "--workers", Text(workers), "--no-access-log"])
    {
        Environment = new Dictionary<string, string>(_peerEnvironment) { ["PYTHONDONTWRITEBYTECODE"] = "1" },
        WorkingDirectory = places.Peer("fastapi"),
    };

    private Command RawLoop(Workload workload, int connections, TimeSpan duration) => Dotnet(
        "raw-driver", "RawDriver", [],
        peersUrl, workload.ToString().ToLowerInvariant(), Text(connections), duration.TotalSeconds.ToString(CultureInfo.InvariantCulture), Text(users));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
