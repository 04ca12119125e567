using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Clients;

/// <summary>
/// Uses the API like a TypeScript developer, through clients that the usual generators make from the committed <c>openapi.json</c>. The
/// compiler checks the clients and the code that uses them as strictly as it can.
/// </summary>
public sealed class TypeScriptTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("openapi-fetch.ts", "openapi-typescript", "--output", "generated/users.d.ts")]
    [InlineData("hey-api.ts", "openapi-ts", "--output", "generated", "--input")]
    public async Task A_generated_client_does_all_that_the_API_offers(string scenario, string generator, params string[] options)
    {
        var npm = Programs.Find("npm");
        var node = Programs.Find("node");
        Assert.SkipWhen(npm is null || node is null, "npm and node must be on the PATH (Debian: apt-get install npm).");
        foreach (var file in (string[])["package.json", "package-lock.json", "tsconfig.json", "expect.ts", scenario])
        {
            File.Copy(Repository.File("UserApi.Tests", "Clients", "TypeScript", file), _folder.File(file));
        }

        // Install the exact versions of the lock file, and run no scripts of packages.
        await Programs.RunAsync(npm, _folder.Path, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
        await RunAsync(generator, [.. options, Repository.File("openapi.json")]);
        await RunAsync("tsc", "--project", ".");
        await using var api = new ApiFactory();

        await Programs.RunAsync(node, _folder.Path, Path.Combine("out", Path.ChangeExtension(scenario, ".js")), api.Address.ToString().TrimEnd('/'));

        Task RunAsync(string tool, params IEnumerable<string> arguments) =>
            Programs.RunAsync(npm, _folder.Path, ["exec", "--offline", "--", tool, .. arguments]);
    }
}
