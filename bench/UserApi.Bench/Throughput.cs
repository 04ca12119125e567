namespace UserApi.Bench;

/// <summary>One row of the comparison: a contender under one load, with a measurement per round.</summary>
internal sealed record Row(string Contender, Workload Workload, int Connections, List<Load> Rounds)
{
    public double Median(Func<Load, double> figure) => Statistics.Median(Rounds.Select(figure));
}

/// <summary>Loads the contenders in turns, round after round, so that changes of the machine's speed affect all of them.</summary>
internal sealed class Throughput(Options options, CancellationToken cancellationToken)
{
    private readonly List<Row> _rows = [];

    public async Task<IReadOnlyList<Row>> RunAsync(IReadOnlyList<Contender> contenders)
    {
        var servers = new Dictionary<string, Server>();
        try
        {
            foreach (var contender in contenders.Where(contender => contender.Loop is null))
            {
                Console.WriteLine($"  {contender.Name}: every answer checked");
                var server = servers[contender.Name] = await Server.StartAsync(contender, cancellationToken);
                foreach (var workload in contender.Workloads.Where(options.Workloads.Contains))
                {
                    await Wrk.RunAsync(server, Name(workload), options.Users, 64, options.WarmUp, checks: workload != Workload.Refused, cancellationToken);
                }
            }

            for (var round = 1; round <= options.Rounds; round++)
            {
                foreach (var (workload, connections) in options.Loads)
                {
                    Console.WriteLine($"  round {round} of {options.Rounds}: {workload}, {connections} connections");

                    // Random order, so that no contender always follows the same one
                    foreach (var contender in contenders.Where(c => c.Workloads.Contains(workload)).OrderBy(_ => Random.Shared.Next()))
                    {
                        var load = await TurnAsync(contender, servers, workload, connections);
                        if (load.HasFailed)
                        {
                            // Once more: a disk or a scheduler that stands still for a second is nobody's figure.
                            load = await TurnAsync(contender, servers, workload, connections);
                        }

                        Add(contender, workload, connections, load);
                    }
                }
            }

            foreach (var contender in contenders.Where(c => c.Loop is null && c.Workloads.Contains(Workload.Put)))
            {
                // Of users put at random, this share has been met at least once; what is read back are 200 of them.
                var puts = _rows.Where(row => row.Contender == contender.Name && row.Workload is (Workload.Put or Workload.PutAnswered)).Sum(row => row.Rounds.Sum(load => load.Requests));
                var expected = 1 - Math.Exp(-(double)puts / options.Users);
                var seen = await servers[contender.Name].ShareOfPutsAsync(options.Users, cancellationToken);
                if (seen < expected - 0.15)
                {
                    throw new InvalidOperationException($"{contender.Name} kept {seen:p0} of what was put, not {expected:p0}.");
                }
            }
        }
        finally
        {
            foreach (var server in servers.Values)
            {
                server.Dispose();
            }
        }

        return _rows;
    }

    private async Task<Load> TurnAsync(Contender contender, Dictionary<string, Server> servers, Workload workload, int connections)
    {
        if (contender.Loop is null)
        {
            return await Wrk.RunAsync(
                servers[contender.Name], Name(workload), options.Users, connections, options.Duration, checks: false, cancellationToken);
        }

        var output = await ChildProcess.RunAsync(contender.Loop(workload, connections, options.Duration), cancellationToken);
        return Wrk.Judge(Wrk.Parse(output), contender.Name, isRefused: false);
    }

    private void Add(Contender contender, Workload workload, int connections, Load load)
    {
        var row = _rows.Find(row => (row.Contender, row.Workload, row.Connections) == (contender.Name, workload, connections));
        if (row is null)
        {
            _rows.Add(row = new(contender.Name, workload, connections, []));
        }

        row.Rounds.Add(load);
    }

    private static string Name(Workload workload) => workload == Workload.Page ? "/users?limit=50" : workload.ToString().ToLowerInvariant();
}
