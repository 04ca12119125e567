namespace UserApi.Bench;

/// <summary>The cost of one operation, by the number of users in the store.</summary>
internal sealed record GrowthRow(string Store, string Operation, int Users, List<Load> Rounds)
{
    public double RequestsPerSecond => Statistics.Median(Rounds.Select(load => load.RequestsPerSecond));
}

/// <summary>Compares the API on stores of different sizes, in turns.</summary>
internal sealed class Growth(Options options, Places places, Database database, CancellationToken cancellationToken)
{
    private const int Connections = 16;
    private const int PageSize = 50;

    // Each is about a full page, but for the address, which one user has.
    private static readonly Dictionary<string, string> s_searches = new()
    {
        ["by e-mail address"] = $"email={Seed.Id(500)}@EXAMPLE.org",
        ["by name"] = "name=user%2000005",
        ["by attribute"] = "attributes.team=5",
        ["by attribute and name, newest first"] = "attributes.team=5&name=user&sort=-updatedAt",
        ["updated since"] = "updatedSince=1970-01-01T00:00:00.100Z",
        ["by name, all"] = "sort=name",
        ["by time of creation, newest first"] = "sort=-createdAt",
        ["by time of the last write, newest first"] = "sort=-updatedAt",
        ["by id, greatest first"] = "sort=-id",
    };

    public static IReadOnlyList<int> Sizes { get; } = [1_000, 100_000, 1_000_000];

    public static string FirstPage => $"first page of {PageSize}";

    public static string LastPage => $"last page of {PageSize}";

    public async Task<IReadOnlyList<GrowthRow>> RunAsync() =>
    [
        .. await RunAsync(Contenders.Embedded, async users => Contenders.EmbeddedStore(
            await Seed.EmbeddedAsync(Path.Combine(places.Work, $"growth-{users}.db"), users, Seed.Findable, cancellationToken))),
        .. await RunAsync(Contenders.MongoDb, async users => Contenders.MongoStore(await database.SeedAsync(users, Seed.Findable, cancellationToken))),
    ];

    private async Task<IReadOnlyList<GrowthRow>> RunAsync(string name, Func<int, Task<Dictionary<string, string>>> seed)
    {
        var rows = new List<GrowthRow>();
        var servers = new List<(int Users, Server Server)>();
        try
        {
            foreach (var users in Sizes)
            {
                Console.WriteLine($"  {name}: {users:n0} users");
                var server = await Server.StartAsync(Contenders.Api(places, name, places.Api, await seed(users)), cancellationToken);
                servers.Add((users, server));
                await server.WaitForIndexesAsync(cancellationToken);
            }

            // Pages come before puts, because puts make some users longer; the first round warms up.
            foreach (var operation in (string[])["GET", FirstPage, LastPage, .. s_searches.Keys, "PUT"])
            {
                rows.AddRange(Sizes.Select(users => new GrowthRow(name, operation, users, [])));
                for (var round = 0; round <= options.Rounds; round++)
                {
                    foreach (var (users, server) in servers)
                    {
                        var load = await Wrk.RunAsync(
                            server, Request(operation, users), users, Connections, options.Duration, checks: round == 0, cancellationToken);
                        if (round > 0)
                        {
                            rows.Single(row => row.Operation == operation && row.Users == users).Rounds.Add(load);
                        }
                    }
                }
            }
        }
        finally
        {
            servers.ForEach(server => server.Server.Dispose());
        }

        return rows;
    }

    private static string Request(string operation, int users) =>
        operation == FirstPage ? $"/users?limit={PageSize}"
        : s_searches.TryGetValue(operation, out var query) ? $"/users?limit={PageSize}&{query}"
        : operation == LastPage ? $"/users?limit={PageSize}&after={Seed.Id(users - PageSize)}"
        : operation.ToLowerInvariant();
}
