using System.Reflection;

namespace UserApi.Api;

/// <summary>
/// Where appsettings.json is, and what <c>Store:Path</c> is relative to. ASP.NET Core takes the current folder, which for a service manager is
/// <c>/</c>: the settings would be missed and a new, empty store be made there.
/// </summary>
internal static class ContentRoot
{
    /// <summary>
    /// The folder that is named (<c>--contentRoot</c>, <c>ASPNETCORE_CONTENTROOT</c>, <c>DOTNET_CONTENTROOT</c>), relative to the current one;
    /// the project's, where <c>dotnet run</c> has made it the current one; else the program's own.
    /// </summary>
    /// <param name="settings">The arguments that are settings.</param>
    /// <exception cref="DirectoryNotFoundException">The folder that is named does not exist.</exception>
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
