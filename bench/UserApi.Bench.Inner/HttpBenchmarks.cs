using System.Text.Json;
using BenchmarkDotNet.Attributes;
using UserApi.Api.Users;

namespace UserApi.Bench.Inner;

/// <summary>The cost of a request without server and store: validating the id, and reading and writing JSON.</summary>
[MemoryDiagnoser]
public class HttpBenchmarks
{
    private static readonly JsonElement s_json =
        JsonElement.Parse("""{"name":"Ana Lima","email":"ana@example.org","attributes":{"team":"blue"}}""");

    private static readonly User s_user = User.Create(Id("ana"), UserInputReader.Read(s_json, out _)!, DateTimeOffset.UnixEpoch);

    [Params("user-0000042", "Zoë-Ångström")]
    public string Text { get; set; } = "";

    [Benchmark]
    public bool ValidateId() => UserId.TryParse(Text, out _, out _);

    [Benchmark]
    public object? ValidateBody() => UserInputReader.Read(s_json, out _);

    [Benchmark]
    public byte[] JsonOut() => JsonSerializer.SerializeToUtf8Bytes(s_user, UserJson.Readable.User);

    private static UserId Id(string text) => UserId.TryParse(text, out var id, out var error) ? id : throw new InvalidOperationException(error);
}
