using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using MongoDB.Bson;
using UserApi.Api.Users;
using UserApi.MongoWire;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Processes;

/// <summary>Runs tools/move-simple-user-api.js with the mongosh that <c>USERAPI_TEST_MONGOSH</c> names, or the one on the PATH.</summary>
[NeedsMongosh]
public sealed class MoveSimpleUserApiTests : IAsyncLifetime
{
    private readonly TemporaryFolder _home = new();
    private MongoWireServer _server = null!;
    private int _seeded;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await MongoWireServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _home.Dispose();
    }

    [Fact]
    public async Task Users_are_moved_once_and_what_cannot_be_one_is_listed()
    {
        Seed("user-1", "Ana");
        Seed("Ünal", "Ünal");
        Seed("twice", "The older");
        Seed("twice", "The younger");
        Seed("taken", "Old");
        Seed("a/b", "Slash");
        Seed("..", "Dots");
        Seed("\u0301a", "A mark first");
        Seed(new string('x', UserId.MaxLength), "The longest id");
        Seed(new string('x', UserId.MaxLength + 1), "Too long");
        Seed("blank", " \u00A0 ");
        Seed("control", "a\nb");
        Seed("longest-name", string.Concat(Enumerable.Repeat("😀", UserInput.MaxNameLength)));
        Seed("long-name", new string('x', UserInput.MaxNameLength + 1));
        Seed(7, "A number");
        Seed("name-7", 7);
        await using var api = new ApiFactory(("ConnectionStrings:users", _server.ConnectionString));
        using var client = api.CreateClient();
        await client.PutAsJsonAsync("/users/taken", new { name = "New" }, Cancel);

        var (first, again) = (await MoveAsync(), await MoveAsync());
        await client.PutAsJsonAsync("/users/user-1", new { name = "Ann" }, Cancel); // a changed user still counts as moved
        var last = await MoveAsync(("REMOVE", "true"));

        Assert.Equal("Moved: 5. There already: 0. Left out: 11. Old documents removed: 0.", first[^1]);
        Assert.Equal("Moved: 0. There already: 5. Left out: 11. Old documents removed: 0.", again[^1]);
        Assert.Equal("Moved: 0. There already: 5. Left out: 11. Old documents removed: 5.", last[^1]);
        Assert.Equal(11, _server.DocumentCount("myapp", "users"));
        Assert.Equal(
            ["", "..", "a/b", "blank", "control", "long-name", "name-7", "taken", "twice", new string('x', UserId.MaxLength + 1), "\u0301a"],
            LeftOut(first).Select(line => line.Id).Order(StringComparer.Ordinal));
        Assert.Equal(LeftOut(first), LeftOut(again));
        Assert.Equal("UserApi has another user with this id", LeftOut(first).Single(line => line.Id == "taken").Reason);
        Assert.Equal("an older document has the same user_id", LeftOut(first).Single(line => line.Id == "twice").Reason);

        var page = await client.GetFromJsonAsync<JsonElement>("/users?limit=100", Cancel);
        Assert.Equal(
            [("longest-name", 400), ("taken", 3), ("twice", 9), ("user-1", 3), (new string('x', UserId.MaxLength), 14), ("Ünal", 4)],
            page.GetProperty("items").EnumerateArray().Select(user => (user.GetProperty("id").GetString()!, user.GetProperty("name").GetString()!.Length)));
        var moved = page.GetProperty("items").EnumerateArray().Single(user => user.GetProperty("id").GetString() == "Ünal");
        Assert.Equal("2020-01-02T03:04:05.000Z", moved.GetProperty("createdAt").GetString());
    }

    [Fact]
    public async Task Many_users_are_moved_in_batches_within_one_collection()
    {
        for (var i = 0; i < 2500; i++)
        {
            Seed($"user-{i}", "Ana", database: "users");
        }

        var output = await MoveAsync(("FROM", "users.users"), ("REMOVE", "true"));

        Assert.Equal(["Moved: 2500. There already: 0. Left out: 0. Old documents removed: 2500."], output);
        Assert.Equal(2500, _server.DocumentCount("users", "users"));
    }

    private static List<(string Id, string Reason)> LeftOut(string[] output) =>
    [
        .. output[..^1].Select(line => JsonSerializer.Deserialize<JsonElement>(line)).Select(line =>
            (line.GetProperty("user_id") is { ValueKind: JsonValueKind.String } id ? id.GetString()! : "", line.GetProperty("reason").GetString()!)),
    ];

    private void Seed(BsonValue id, BsonValue name, string database = "myapp") => _server.Seed(database, "users",
    [
        new()
        {
            { "_id", new ObjectId($"{new DateTimeOffset(2020, 1, 2, 3, 4, 5, default).ToUnixTimeSeconds():x8}{++_seeded:x16}") },
            { "user_id", id },
            { "user_name", name },
        },
    ]);

    /// <returns>The lines that the script printed.</returns>
    private async Task<string[]> MoveAsync(params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(NeedsMongoshAttribute.Program!, [_server.ConnectionString, "--quiet", "--norc", "--file", Repository.File("tools", "move-simple-user-api.js")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HOME"] = _home.Path; // where mongosh keeps its settings and logs
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(Cancel), process.StandardError.ReadToEndAsync(Cancel));
        await process.WaitForExitAsync(Cancel);
        Assert.True(process.ExitCode == 0, $"{await output}{await errors}");
        return (await output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}

/// <summary>Marks a class whose tests need mongosh.</summary>
public sealed class NeedsMongoshAttribute : RequirementAttribute
{
    private const string Variable = "USERAPI_TEST_MONGOSH";

    /// <summary>The path of mongosh, or null if there is none.</summary>
    public static string? Program { get; } =
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : Programs.Find("mongosh");

    public override string Name => "mongosh";

    public override Task<string?> FindMissingAsync() => Task.FromResult(
        Program is null ? $"mongosh is not on the PATH, and {Variable} is not set (npm install --global mongosh)." : null);
}
