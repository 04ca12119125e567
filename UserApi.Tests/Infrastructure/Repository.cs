namespace UserApi.Tests.Infrastructure;

/// <summary>The checkout that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find(new DirectoryInfo(AppContext.BaseDirectory));

    public static string File(params ReadOnlySpan<string> path) => Path.Combine([Root, .. path]);

    private static string Find(DirectoryInfo? folder) =>
        folder is null ? throw new DirectoryNotFoundException("There is no UserApi.sln above the tests.")
        : System.IO.File.Exists(Path.Combine(folder.FullName, "UserApi.sln")) ? folder.FullName
        : Find(folder.Parent);
}
