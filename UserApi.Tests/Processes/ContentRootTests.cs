using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Processes;

/// <summary>The program finds its settings and data whichever folder it is started from.</summary>
public sealed class ContentRootTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    // The folder of this test's store, beside the program in the output folder of the tests.
    private readonly string _data = $"data-{Guid.NewGuid():N}";

    public void Dispose()
    {
        _folder.Dispose();
        if (Directory.Exists(Own))
        {
            Directory.Delete(Own, recursive: true);
        }
    }

    private string Own => Path.Combine(AppContext.BaseDirectory, _data);

    [Fact]
    public async Task Started_from_another_folder_the_program_uses_its_own_settings_and_data()
    {
        await File.WriteAllTextAsync(_folder.File("appsettings.json"), """{ "Limits": { "MaxBodyBytes": 0 } }""", TestContext.Current.CancellationToken);

        await AssertStoreAsync(Path.Combine(Own, "users.db"), _folder.Path);

        Assert.Equal([_folder.File("appsettings.json")], Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public Task Dotnet_run_starts_in_the_folder_of_the_project_and_uses_that()
    {
        File.WriteAllText(_folder.File("UserApi.Api.csproj"), "");

        return AssertStoreAsync(_folder.File(Path.Combine(_data, "users.db")), _folder.Path);
    }

    [Theory]
    [InlineData("--contentRoot")]
    [InlineData("ASPNETCORE_CONTENTROOT")]
    [InlineData("DOTNET_CONTENTROOT")]
    public Task A_folder_that_is_named_wins(string key)
    {
        Directory.CreateDirectory(_folder.File("named"));
        File.WriteAllText(_folder.File("UserApi.Api.csproj"), "");

        return AssertStoreAsync(_folder.File(Path.Combine("named", _data, "users.db")), _folder.Path, (key, "named"));
    }

    [Fact]
    public async Task A_folder_that_does_not_exist_is_refused()
    {
        var (exitCode, _, errors) = await ApiProcess.RunAsync("Development", ("--contentRoot", _folder.File("none")));

        Assert.Equal((1, $"UserApi does not start. The content root {_folder.File("none")} is not a folder."), (exitCode, errors.Trim()));
    }

    private async Task AssertStoreAsync(string path, string currentFolder, params (string, string?)[] settings)
    {
        await using var api = await ApiProcess.StartAsync(
            "Development", [(ApiProcess.CurrentFolder, currentFolder), ("Store__Path", Path.Combine(_data, "users.db")), .. settings]);
        await api.KillAsync();

        Assert.True(File.Exists(path), path);
        Assert.Contains(api.Output, line => line.EndsWith($"User store: embedded, {path}", StringComparison.Ordinal));
    }
}
