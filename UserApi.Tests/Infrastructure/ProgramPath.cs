namespace UserApi.Tests.Infrastructure;

/// <summary>Programs of this machine that tests may use.</summary>
internal static class ProgramPath
{
    /// <summary>Where the first of these programs is that the PATH has; null when it has none.</summary>
    public static string? Find(params string[] names) => (
        from name in names
        from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        let path = Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name)
        where File.Exists(path)
        select path).FirstOrDefault();
}
