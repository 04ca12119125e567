// The driver without HTTP: as many loops as the other contenders have connections, each with one operation after another.
// Arguments: a MongoDB URL, get or put or mix, the number of loops, seconds, the number of users. Prints one line of JSON.
using System.Diagnostics;
using System.Text.Json;
using MongoDB.Bson.Serialization.Attributes;
using MongoDB.Driver;

var url = new MongoUrl(args[0]);
var (workload, loops, seconds, count) = (args[1], int.Parse(args[2]), double.Parse(args[3]), int.Parse(args[4]));
var users = new MongoClient(url).GetDatabase(url.DatabaseName).GetCollection<User>("users");

// Each turn is a new process, so it must warm up.
await Task.WhenAll(Enumerable.Range(0, loops).Select(_ => LoopAsync(TimeSpan.FromSeconds(4))));

var cpu = Environment.CpuUsage.TotalTime;
var start = Stopwatch.GetTimestamp();
var loads = await Task.WhenAll(Enumerable.Range(0, loops).Select(_ => LoopAsync(TimeSpan.FromSeconds(seconds))));
var elapsed = Stopwatch.GetElapsedTime(start);
var latencies = loads.SelectMany(load => load.Latencies).Order().ToArray();

Console.WriteLine(JsonSerializer.Serialize(new
{
    requests = latencies.Length,
    microseconds = elapsed.TotalMicroseconds,
    errors = 0,
    wrong = loads.Sum(load => load.Wrong),
    p50 = latencies[latencies.Length / 2],
    p99 = latencies[latencies.Length * 99 / 100],
    cpu = (Environment.CpuUsage.TotalTime - cpu).TotalMicroseconds,
    peak = Process.GetCurrentProcess().PeakWorkingSet64,
}));

async Task<(List<double> Latencies, int Wrong)> LoopAsync(TimeSpan duration)
{
    var (latencies, wrong) = (new List<double>(), 0);
    var end = Stopwatch.GetTimestamp() + (long)(duration.TotalSeconds * Stopwatch.Frequency);
    while (Stopwatch.GetTimestamp() < end)
    {
        var number = Random.Shared.Next(1, count + 1);
        var id = $"user-{number:0000000}";
        var filter = Builders<User>.Filter.Eq("_id", id);
        var operation = Stopwatch.GetTimestamp();
        if (workload == "put" || (workload == "mix" && Random.Shared.Next(10) == 0))
        {
            var user = new User(id, $"User {number:0000000} v{Random.Shared.Next(1000)}");
            wrong += (await users.ReplaceOneAsync(filter, user, new ReplaceOptions { IsUpsert = true })).MatchedCount == 1 ? 0 : 1;
        }
        else
        {
            wrong += (await users.Find(filter).FirstOrDefaultAsync())?.Id == id ? 0 : 1;
        }

        latencies.Add(Stopwatch.GetElapsedTime(operation).TotalMicroseconds);
    }

    return (latencies, wrong);
}

internal sealed record User(string Id, [property: BsonElement("name")] string Name);
