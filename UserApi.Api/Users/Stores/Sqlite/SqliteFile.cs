using System.Runtime.Versioning;
using Microsoft.Data.Sqlite;

namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>The file of the embedded store: creates it, checks that it is a user store, and opens connections to it.</summary>
internal sealed partial class SqliteFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode = OwnerOnly | UnixFileMode.UserExecute;

    private readonly string _path;
    private readonly ILogger _logger;
    private readonly string _connectionString;

    /// <summary>Names the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="timeout">How long a statement waits for another process that holds the file's lock, in whole seconds of at least one.</param>
    /// <param name="logger">Where a warning about the file goes.</param>
    public SqliteFile(string path, TimeSpan timeout, ILogger logger)
    {
        (_path, _logger) = (path, logger);
        _connectionString = new SqliteConnectionStringBuilder
        {
            DataSource = path,
            Pooling = false,
            DefaultTimeout = Math.Max(1, (int)timeout.TotalSeconds),
        }.ToString();
    }

    /// <summary>Opens the file, or creates it with its folder, and passes the connection on.</summary>
    /// <param name="use">Takes over the connection.</param>
    /// <exception cref="StoreFileException">The file cannot be opened, is not a user store, or is one of a newer version.</exception>
    public T Create<T>(Func<SqliteConnection, T> use)
    {
        SqliteConnection? connection = null;
        try
        {
            CreateFile();
            connection = Open();
            Prepare(connection);
            WarnOfWideMode();
            return use(connection);
        }
        catch (Exception e)
        {
            connection?.Dispose(); // leaves no log file behind
            if (e is SqliteException or IOException or UnauthorizedAccessException)
            {
                throw new StoreFileException($"The user store '{_path}' cannot be opened: {e.Message}", e);
            }

            throw;
        }
    }

    /// <summary>The path of the file.</summary>
    public string Path => _path;

    /// <summary>Opens one more connection to the file, which is there.</summary>
    public SqliteConnection Open()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();

            // FULL: the log is on the disk before the response to a write, so that the write survives a power failure.
            // secure_delete: deleted and replaced content is overwritten with zeros.
            connection.Execute("PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Creates the file and its folder with access for this user only; SQLite would create it with access for all. SQLite copies the mode of the file
    /// to its log and its index (os_unix.c: findCreateFileMode, unixOpenSharedMemory).
    /// </summary>
    private void CreateFile()
    {
        var folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(_path))!;
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }

        Directory.CreateDirectory(folder, FolderMode);
        if (!File.Exists(_path))
        {
            // An existing file is not opened: closing it would release the locks that this process has on it (fcntl(2), POSIX advisory locks).
            using var created = TryCreate();
        }
    }

    // The mode of an existing file is not changed: the operator may have chosen it, and another account may depend on it.
    private void WarnOfWideMode()
    {
        if (!OperatingSystem.IsWindows() && File.GetUnixFileMode(_path) is var mode && (mode & ~FolderMode) != 0)
        {
            LogWideMode(_path, Convert.ToString((int)mode, 8));
        }
    }

    [UnsupportedOSPlatform("windows")]
    private FileStream? TryCreate()
    {
        try
        {
            return new(_path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OwnerOnly });
        }
        catch (IOException) when (File.Exists(_path))
        {
            return null; // Another process was first.
        }
    }

    private void Prepare(SqliteConnection connection)
    {
        if (connection.ReadNumber("SELECT count(*) FROM sqlite_schema") > 0 && connection.ReadNumber("PRAGMA application_id") != SqliteMigrations.ApplicationId)
        {
            throw new StoreFileException($"'{_path}' is a SQLite database, but not a user store. Nothing was changed.");
        }

        var version = connection.ReadNumber("PRAGMA user_version");
        if (version > SqliteMigrations.LatestVersion)
        {
            throw new StoreFileException(
                $"The user store '{_path}' has version {version}, of a newer program; this one knows {SqliteMigrations.LatestVersion}. Nothing was changed.");
        }

        connection.Execute("PRAGMA journal_mode = WAL");
        new SqliteMigrations(connection, _path, _logger).Run();
    }

    [LoggerMessage(1, LogLevel.Warning, "Other users of this machine may read or write the user store '{Path}' (mode {Mode}); chmod 600 keeps them out")]
    private partial void LogWideMode(string path, string mode);
}
