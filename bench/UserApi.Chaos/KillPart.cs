using System.Diagnostics;
using System.Net.Sockets;
using Microsoft.Data.Sqlite;

namespace UserApi.Chaos;

/// <summary><c>kill -9</c> on the embedded store, under load from many writers.</summary>
internal static class KillPart
{
    private const int Kills = 100;
    private const int Writers = 32;

    public static async Task RunAsync(Report report, CancellationToken cancellationToken)
    {
        using var folder = new WorkFolder();
        var file = folder["users.db"];
        var port = ApiProcess.FreePort();
        var writers = Enumerable.Range(0, Writers).Select(number => new Writer(number)).ToList();
        var starts = new List<double>();
        var verdict = new Verdict();
        int? exit;
        for (var kill = 0; ; kill++)
        {
            if (kill % 10 == 9)
            {
                await KillWhileOpeningAsync();
            }

            await using var api = ApiProcess.Start(ApiProcess.Embedded(file), port);
            starts.Add((await api.ReadyAsync(cancellationToken)).TotalMilliseconds);
            await VerifyAsync(port, writers, verdict, cancellationToken);
            if (kill == Kills)
            {
                api.Terminate();
                exit = await api.ExitAsync(TimeSpan.FromSeconds(30));
                break;
            }

            using var writing = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var tasks = writers.ConvertAll(writer => writer.RunAsync(port, writing.Token));
            await Task.Delay(Random.Shared.Next(50, 1000), cancellationToken);
            await api.KillAsync();
            await writing.CancelAsync();
            await Task.WhenAll(tasks);
        }

        var answered = writers.Sum(writer => writer.Answered);
        report.Add(
            "kill", $"{Kills} × `kill -9` under {Writers} writers: no answered write is lost", verdict.Lost == 0 && verdict.Strange == 0,
            $"{answered} writes answered, {verdict.Lost} lost; {verdict.Unanswered} cut, of which {verdict.Applied} had been applied; {verdict.Strange} users nobody wrote");
        report.Add("kill", "no half-written users", verdict.Halves == 0, $"{verdict.Halves} in {verdict.Read} users read");
        report.Add(
            "kill", "the store opens by itself", starts.Count == Kills + 1,
            $"{starts.Count} starts, to the first answer: median {Median(starts):0} ms, longest {starts.Max():0} ms");
        var check = IntegrityCheck(file);
        report.Add("kill", "the file is whole in the end", check == "ok" && exit == 0, $"`PRAGMA integrity_check`: {check}; exit {exit}");

        async Task KillWhileOpeningAsync()
        {
            await using var api = ApiProcess.Start(ApiProcess.Embedded(file), port);
            await Task.Delay(Random.Shared.Next(100, 600), cancellationToken);
            await api.KillAsync();
        }
    }

    private static async Task VerifyAsync(int port, List<Writer> writers, Verdict verdict, CancellationToken cancellationToken)
    {
        using var connection = await HttpConnection.OpenAsync(port, cancellationToken);
        var users = await StampedUser.ListAsync(connection, cancellationToken);
        verdict.Read += users.Count;
        verdict.Halves += users.Values.Count(number => number is null);
        verdict.Strange += users.Keys.Except(writers.SelectMany(writer => writer.States.Keys)).Count();
        foreach (var (id, state) in writers.SelectMany(writer => writer.States))
        {
            var number = users.TryGetValue(id, out var found) ? found ?? State.None : State.None;
            var tag = (await connection.SendAsync(HttpConnection.Request("GET", $"/users/{id}"), cancellationToken)).ETag;
            state.Settle(number, tag, verdict);
        }
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string IntegrityCheck(string file)
    {
        using var connection = new SqliteConnection($"Data Source={file};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA integrity_check";
        return (string)command.ExecuteScalar()!;
    }

    private sealed class Verdict
    {
        public int Lost { get; set; }

        public int Halves { get; set; }

        public int Strange { get; set; }

        public int Read { get; set; }

        public int Unanswered { get; set; }

        public int Applied { get; set; }
    }

    /// <summary>The expected state of a user, by the responses to its only writer.</summary>
    private sealed class State
    {
        /// <summary>The state of a user that does not exist.</summary>
        public const long None = 0;

        private long _answered = None;
        private string? _tag;
        private long? _pending;

        public bool Exists => _answered != None;

        public void Begin(long number) => _pending = number;

        public void Answer(string? tag) => (_answered, _tag, _pending) = (_pending!.Value, tag, null);

        /// <summary>Compares with the stored user; a write whose connection was cut may have been applied.</summary>
        public void Settle(long number, string? tag, Verdict verdict)
        {
            var isPending = number == _pending;
            verdict.Unanswered += _pending is null ? 0 : 1;
            verdict.Applied += isPending ? 1 : 0;
            verdict.Lost += isPending || (number == _answered && tag == _tag) ? 0 : 1;
            (_answered, _tag, _pending) = (number, tag, null);
        }
    }

    /// <summary>Writes and deletes its own users, one after another.</summary>
    private sealed class Writer
    {
        private readonly Random _random;
        private readonly string[] _ids;
        private long _number;

        public Writer(int number)
        {
            _random = new(number);
            _ids = [.. Enumerable.Range(0, 16).Select(user => $"w{number}-{user}")];
            States = _ids.ToDictionary(id => id, _ => new State());
        }

        public Dictionary<string, State> States { get; }

        public long Answered { get; private set; }

        public async Task RunAsync(int port, CancellationToken cancellationToken)
        {
            try
            {
                using var connection = await HttpConnection.OpenAsync(port, cancellationToken);
                while (true)
                {
                    var id = _ids[_random.Next(_ids.Length)];
                    var state = States[id];
                    var isDelete = state.Exists && _random.Next(8) == 0;
                    state.Begin(isDelete ? State.None : ++_number);
                    var answer = await connection.SendAsync(
                        isDelete
                            ? HttpConnection.Request("DELETE", $"/users/{id}")
                            : HttpConnection.Request("PUT", $"/users/{id}", StampedUser.Body(_number)),
                        cancellationToken);
                    if (answer.Status == 503)
                    {
                        return; // It may have been applied: pending until the next comparison.
                    }

                    if (!answer.IsSuccess)
                    {
                        throw new UnreachableException($"A write was answered with {answer.Status}.");
                    }

                    state.Answer(answer.ETag);
                    Answered++;
                }
            }
            catch (Exception e) when (e is SocketException or EndOfStreamException or OperationCanceledException)
            {
                // The API was killed: the write in flight is pending until the next comparison.
            }
        }
    }
}
