using Microsoft.Extensions.Options;
using MongoDB.Driver;
using MongoDB.Driver.Core.Clusters;
using MongoDB.Driver.Core.Configuration;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The MongoDB client of the process. The options of an SRV string are in DNS: its client is created in the background, with retries until
/// the name is resolved; the process starts meanwhile.
/// </summary>
internal sealed partial class MongoConnection : IDisposable
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly string _connectionString;
    private readonly MongoUrl _url;
    private readonly TimeSpan _timeout;
    private readonly ILoggerFactory _loggers;
    private readonly Func<MongoUrl, CancellationToken, Task<MongoUrl>> _resolveAsync;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private volatile MongoClient? _client;

    /// <summary>Creates the client, or starts to.</summary>
    /// <param name="connectionString">The connection string.</param>
    /// <param name="timeout">The time limit of one operation, see <see cref="StoreOptions.Timeout"/>.</param>
    /// <param name="loggers">The loggers of the driver.</param>
    /// <param name="resolveAsync">Resolves the options of an SRV string; null resolves like the driver.</param>
    /// <exception cref="OptionsValidationException">The string is invalid.</exception>
    public MongoConnection(
        string connectionString, TimeSpan timeout, ILoggerFactory loggers, Func<MongoUrl, CancellationToken, Task<MongoUrl>>? resolveAsync = null)
    {
        (_connectionString, _timeout, _loggers) = (connectionString, timeout, loggers);
        _url = Parse(connectionString);

        // The driver itself watches the hosts of an SRV record for changes, with a client that was made without them.
        _resolveAsync = resolveAsync ?? ((url, cancel) => url.ResolveAsync(resolveHosts: false, cancel));
        if (_url.IsResolved)
        {
            _client = Create(_url);
        }
        else
        {
            _ = CreateInBackgroundAsync();
        }
    }

    /// <summary>The database of the users.</summary>
    /// <exception cref="StoreUnavailableException">The client does not exist yet.</exception>
    public IMongoDatabase Database => (_client ?? throw new StoreUnavailableException(mayHaveBeenApplied: false)
    {
        Reason = $"The host name of ConnectionStrings:users, {_url.Server.Host}, cannot be resolved.",
    }).GetDatabase(_url.DatabaseName ?? MongoUsers.Name);

    /// <summary>What the driver knows of the servers; null while there is no client.</summary>
    public ClusterDescription? Cluster => _client?.Cluster.Description;

    /// <summary>The servers and the database of a connection string, without anything secret.</summary>
    /// <param name="connectionString">The connection string.</param>
    /// <exception cref="OptionsValidationException">The string is invalid.</exception>
    public static string Describe(string connectionString)
    {
        var url = Parse(connectionString);
        return $"{string.Join(',', url.Servers)}/{url.DatabaseName ?? MongoUsers.Name}";
    }

    /// <summary>What is wrong with a connection string, without quoting it; null if it is valid.</summary>
    /// <param name="connectionString">The connection string.</param>
    public static string? Refuse(string connectionString)
    {
        try
        {
            Parse(connectionString);
            return null;
        }
        catch (OptionsValidationException e)
        {
            return e.Message;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stopping.Cancel();
        lock (_gate)
        {
            // Disposing of a client leaves its connections and monitors open for other clients of the same settings.
            if (_client is { Cluster: var cluster })
            {
                ClusterRegistry.Instance.UnregisterAndDisposeCluster(cluster);
            }
        }
    }

    private static MongoUrl Parse(string connectionString)
    {
        try
        {
            return new(connectionString);
        }
        catch (MongoConfigurationException)
        {
            throw Refusal();
        }
    }

    // The driver's message quotes the string, including the password.
    private static OptionsValidationException Refusal() => new(StoreOptions.SectionName, typeof(StoreOptions),
    [
        "ConnectionStrings:users is not a MongoDB connection string (mongodb://user:password@host:port/database?options). "
        + "Characters of a password such as / : @ % have to be percent-encoded.",
    ]);

    private MongoClient Create(MongoUrl url)
    {
        try
        {
            return new(CreateSettings(url));
        }
        catch (MongoConfigurationException)
        {
            throw Refusal();
        }
    }

    /// <summary>The settings of a connection string, with time limits for a service unless the string sets them: the driver's defaults are 30 s and more.</summary>
    private MongoClientSettings CreateSettings(MongoUrl url)
    {
        var given = new ConnectionString(_connectionString);
        var settings = MongoClientSettings.FromUrl(url);
        settings.ApplicationName ??= "UserApi";
        settings.LoggingSettings = new(_loggers);

        // Shorter than Store:Timeout, so that this timeout proves that nothing was sent.
        settings.ServerSelectionTimeout = given.ServerSelectionTimeout ?? _timeout * 0.8;

        // This is also how long the driver waits for a lost heartbeat before it checks the server again.
        settings.ConnectTimeout = given.ConnectTimeout ?? TimeSpan.FromSeconds(1);
        settings.WaitQueueTimeout = given.WaitQueueTimeout ?? TimeSpan.FromSeconds(1);
        return settings;
    }

    private async Task CreateInBackgroundAsync()
    {
        await Task.Yield();
        var logger = _loggers.CreateLogger<MongoConnection>();
        for (var attempt = 1; !_stopping.IsCancellationRequested; attempt++)
        {
            try
            {
                var url = await _resolveAsync(_url, _stopping.Token);
                lock (_gate)
                {
                    if (!_stopping.IsCancellationRequested)
                    {
                        _client = Create(url);
                    }
                }

                return;
            }
            catch (Exception e) when (!_stopping.IsCancellationRequested)
            {
                if (attempt == 1)
                {
                    LogUnresolved(logger, _url.Server.Host, e.GetType().Name);
                }

                await Task.Delay(s_pause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(3, LogLevel.Warning, "The options of the MongoDB host name {Host} cannot be read from DNS ({Reason}). The process goes on trying.")]
    private static partial void LogUnresolved(ILogger logger, string host, string reason);
}
