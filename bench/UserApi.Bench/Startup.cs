namespace UserApi.Bench;

/// <summary>A contender's start: seconds to the first user in a response, and resident bytes when it is idle after that.</summary>
internal sealed record StartupRow(string Contender, List<double> Seconds, List<double> IdleBytes);

internal static class Startup
{
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(1);

    public static async Task<IReadOnlyList<StartupRow>> RunAsync(
        IReadOnlyList<Contender> contenders, int rounds, CancellationToken cancellationToken)
    {
        var rows = contenders.Select(contender => new StartupRow(contender.Name, [], [])).ToList();

        // The first round reads the programs from the disk and is not counted.
        for (var round = 0; round <= rounds; round++)
        {
            foreach (var (contender, row) in contenders.Zip(rows))
            {
                using var server = await Server.StartAsync(contender, cancellationToken);
                await Task.Delay(s_settle, cancellationToken);
                if (round > 0)
                {
                    row.Seconds.Add(server.ColdStart.TotalSeconds);
                    row.IdleBytes.Add(server.Process.ResidentBytes);
                }
            }
        }

        return rows;
    }
}
