using System.Reflection;

namespace UserApi.Api;

/// <summary>
/// The folder of appsettings.json, to which <c>Store:Path</c> is relative. ASP.NET Core uses the current folder, which is <c>/</c> under a
/// service manager: the settings would not be found, and a new, empty store would be created there.
/// </summary>
internal static class ContentRoot
{
    /// <summary>
    /// The configured folder (<c>--contentRoot</c>, <c>ASPNETCORE_CONTENTROOT</c>, <c>DOTNET_CONTENTROOT</c>), relative to the current one;
    /// or the project's folder, if <c>dotnet run</c> has made it the current one; otherwise the program's folder.
    /// </summary>
    /// <param name="settings">The arguments that are settings.</param>
    /// <exception cref="DirectoryNotFoundException">The configured folder does not exist.</exception>
    public static string Find(string[] settings)
    {
        // In the order of WebApplication.CreateBuilder: what comes later wins.
        var named = new ConfigurationBuilder()
            .AddEnvironmentVariables("DOTNET_")
            .AddEnvironmentVariables("ASPNETCORE_")
            .AddCommandLine(settings)
            .Build()[HostDefaults.ContentRootKey];
        if (string.IsNullOrEmpty(named))
        {
            var isProject = File.Exists($"{Assembly.GetExecutingAssembly().GetName().Name}.csproj");
            return isProject ? Directory.GetCurrentDirectory() : AppContext.BaseDirectory;
        }

        var folder = Path.GetFullPath(named);
        return Directory.Exists(folder) ? folder : throw new DirectoryNotFoundException($"The content root {folder} is not a folder.");
    }
}
