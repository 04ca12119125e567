using System.Net;
using Microsoft.Extensions.Hosting;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>The README's way to create a local token, with the SDK's own tool in a temporary home directory.</summary>
public class LocalTokenTests
{
    [Fact]
    public async Task A_token_of_dotnet_user_jwts_works_and_making_it_changes_no_committed_file()
    {
        using var folder = new TemporaryFolder();
        string[] committed = ["UserApi.Api.csproj", "appsettings.json", "appsettings.Development.json", "Properties/launchSettings.json"];
        Directory.CreateDirectory(folder.File("Properties"));
        foreach (var name in committed)
        {
            File.Copy(Repository.File("UserApi.Api", name), folder.File(name));
        }

        // The SDK and the program look for user secrets below HOME on Unix and below APPDATA on Windows.
        (string, string?)[] home = [("HOME", folder.Path), ("APPDATA", folder.Path)];
        var (exitCode, output, error) = await ApiProcess.RunDotnetAsync(
            [.. home, ("DOTNET_CLI_HOME", folder.Path), ("DOTNET_NOLOGO", "true"), ("TMPDIR", folder.Path)],
            "user-jwts", "create", "--project", folder.Path, "--scope", Issuer.Read, "--scope", Issuer.Write, "--output", "token");
        Assert.True(exitCode == 0, error + output);
        var token = output.Trim().Split('\n')[^1].Trim();

        Assert.All(committed, name => Assert.Equal(File.ReadAllText(Repository.File("UserApi.Api", name)), File.ReadAllText(folder.File(name))));
        await using var api = await ApiProcess.StartAsync(
            Environments.Development,
            [.. home, ("--contentRoot", folder.Path), ("--Store:Path", folder.File("users.db")), ("--Authentication:AllowAnonymous", "false")]);
        using var client = new HttpClient { BaseAddress = api.Address };
        await client.Put("ana").Is(HttpStatusCode.Unauthorized);
        await client.Put("ana", HttpSteps.Ana, HttpSteps.Bearer(token)).Is(HttpStatusCode.Created);
        await client.Get("ana", HttpSteps.Bearer(token)).Is(HttpStatusCode.OK);
        await client.Get("ana", HttpSteps.Bearer(token[..^4])).Is(HttpStatusCode.Unauthorized);
    }
}
