using System.CommandLine;
using System.ComponentModel;
using System.Globalization;
using UserApi.Bench;

CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var repository = new Argument<DirectoryInfo>("repository") { Description = "The checkout; given by bench/run." };
var quick = new Option<bool>("--quick") { Description = "An answer in two minutes: 64 connections, no growth, no mix." };
var rounds = new Option<int?>("--rounds") { Description = "How often each contender has its turn. Default: 4; quick: 2." };
var seconds = new Option<int?>("--seconds") { Description = "How long a turn is. Default: 3; quick: 1." };
var only = new Option<string[]>("--only") { Description = "Part of the name of a contender that takes part; may be repeated. Default: all." };
var noReadyToRun = new Option<string?>("--no-ready-to-run") { Description = "Why the API could not be compiled ahead of time; given by bench/run." };
var command = new RootCommand("Measures UserApi against its peers, and prints and keeps the result.")
{
    repository, quick, rounds, seconds, only, noReadyToRun,
};
command.SetAction(async (parsed, cancellationToken) =>
{
    var isQuick = parsed.GetValue(quick);
    var options = new Options(
        isQuick,
        parsed.GetValue(rounds) ?? (isQuick ? 2 : 4),
        TimeSpan.FromSeconds(parsed.GetValue(seconds) ?? (isQuick ? 1 : 3)),
        parsed.GetValue(only) ?? [],
        parsed.GetValue(noReadyToRun));
    try
    {
        await RunAsync(options, parsed.GetRequiredValue(repository).FullName, cancellationToken);
        return 0;
    }
    catch (Exception e) when (e is InvalidOperationException or OperationCanceledException)
    {
        await Console.Error.WriteLineAsync(e.Message);
        return 1;
    }
});

// Ctrl-C and SIGTERM cancel, and `using` then ends whatever was started.
return await command.Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });

static async Task RunAsync(Options options, string repository, CancellationToken cancellationToken)
{
    using var places = new Places(repository, hasReadyToRun: options.NoReadyToRun is null);
    await using var database = await Database.StartAsync(places, cancellationToken);
    var contenders = new Contenders(
        places,
        options.Users,
        await database.SeedAsync(options.Users, Seed.Named, cancellationToken),
        await database.SeedPeersAsync(options.Users, cancellationToken),
        await Seed.EmbeddedAsync(Path.Combine(places.Work, "users.db"), options.Users, Seed.Named, cancellationToken),
        Seed.PeerFile(Path.Combine(places.Work, "peer.db"), options.Users));
    var (loaded, missing) = await FindAsync(contenders.Loaded.Where(options.Includes), cancellationToken);
    var (started, _) = await FindAsync(contenders.Started.Where(options.Includes), cancellationToken);

    Console.WriteLine("Under load");
    var rows = await new Throughput(options, cancellationToken).RunAsync(loaded);
    Console.WriteLine("Cold start");
    var starts = await Startup.RunAsync(started, options.Rounds, cancellationToken);
    IReadOnlyList<GrowthRow> growth = [];
    if (!options.IsQuick)
    {
        Console.WriteLine("Growth");
        growth = await new Growth(options, places, database, cancellationToken).RunAsync();
    }

    var report = new Report(options, database.Description)
        .Write(new Targets(rows, starts, growth).All, rows, starts, growth, missing);
    Console.WriteLine();
    Console.Write(report);

    var name = options.IsQuick ? "quick" : "full";
    Directory.CreateDirectory(places.Results);
    await File.WriteAllTextAsync(Path.Combine(places.Results, $"{name}.md"), report, cancellationToken);
    await File.WriteAllTextAsync(Path.Combine(places.Results, $"{name}.svg"), Chart.Draw(rows, database.Description), cancellationToken);
}

static async Task<(List<Contender> Found, List<string> Missing)> FindAsync(IEnumerable<Contender> contenders, CancellationToken cancellationToken)
{
    var (found, missing) = (new List<Contender>(), new List<string>());
    foreach (var contender in contenders)
    {
        try
        {
            if (contender.Requires is { } command)
            {
                await ChildProcess.RunAsync(command, cancellationToken);
            }

            found.Add(contender);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            missing.Add($"Left out: {contender.Name}, see what bench/run said was missing.");
        }
    }

    return (found, missing);
}
