using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;
using MongoDB.Bson.Serialization;
using MongoDB.Driver;
using MongoDB.Driver.Core.Configuration;
using UserApi.Api.Users.Stores.Sqlite;

namespace UserApi.Api.Users.Stores;

/// <summary>Chooses and makes the process's one store.</summary>
internal static partial class StoreRegistration
{
    private static readonly TimeSpan s_healthBudget = TimeSpan.FromSeconds(1);

    public static void AddUserStore(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection(StoreOptions.SectionName).Get<StoreOptions>() ?? new();
        var connectionString = builder.Configuration.GetConnectionString(StoreOptions.ConnectionName);
        var kind = Choose(options, connectionString, builder.Environment);

        if (kind == StoreKind.Embedded)
        {
            var path = Path.Combine(builder.Environment.ContentRootPath, options.Path);
            Register($"embedded, {path}", makesSpans: true, services =>
                new SqliteUserStore(
                    path,
                    options.Timeout,
                    services.GetRequiredService<TimeProvider>(),
                    services.GetRequiredService<ILogger<SqliteUserStore>>(),
                    services.GetRequiredService<UnreadableUsers>().Add));
        }
        else
        {
            var settings = CreateSettings(connectionString!, options);
            var databaseName = MongoUrl.Create(connectionString).DatabaseName ?? "users";
            BsonSerializer.TryRegisterSerializer(new UserSerializer());
            builder.Services.AddSingleton<IMongoClient>(services =>
            {
                settings.LoggingSettings = new(services.GetRequiredService<ILoggerFactory>());
                return new MongoClient(settings);
            });
            Register($"MongoDB, {string.Join(',', settings.Servers)}/{databaseName}", makesSpans: false, services =>
                new MongoUserStore(
                    services.GetRequiredService<IMongoClient>().GetDatabase(databaseName),
                    options.Timeout,
                    services.GetRequiredService<TimeProvider>()));
        }

        void Register(string description, bool makesSpans, Func<IServiceProvider, IUserStore> create)
        {
            builder.Services.TryAddSingleton(TimeProvider.System);
            builder.Services.AddSingleton<UnreadableUsers>();
            builder.Services.AddSingleton<IUserStore>(services =>
            {
                LogStore(services.GetRequiredService<ILogger<IUserStore>>(), description);
                return new InstrumentedUserStore(
                    create(services),
                    makesSpans,
                    services.GetRequiredService<IMeterFactory>(),
                    services.GetRequiredService<ILogger<InstrumentedUserStore>>());
            });
            builder.Services.AddHostedService<StoreStart>();
            builder.Services.AddHealthChecks().AddCheck<StoreHealth>("store");
        }
    }

    private static StoreKind Choose(StoreOptions options, string? connectionString, IHostEnvironment environment)
    {
        if (options.Timeout <= TimeSpan.Zero)
        {
            throw Refusal("Store:Timeout is more than 0.");
        }

        var hasConnection = !string.IsNullOrWhiteSpace(connectionString);
        return options.Kind switch
        {
            StoreKind.MongoDb when !hasConnection => throw Refusal("Store:Kind is MongoDb: set ConnectionStrings:users (ConnectionStrings__users)."),
            StoreKind.Auto when hasConnection => StoreKind.MongoDb,
            StoreKind.Auto when environment.IsDevelopment() => StoreKind.Embedded,
            StoreKind.Auto => throw Refusal(
                $"There is no user store in the environment {environment.EnvironmentName}: set ConnectionStrings:users (ConnectionStrings__users) to a "
                + "MongoDB connection string, or Store:Kind (Store__Kind) to Embedded to keep users in a file of this machine."),
            var kind => kind,
        };
    }

    /// <summary>The settings of a connection string, with limits of a service where it names none: the driver's own are up to 30 s and more.</summary>
    private static MongoClientSettings CreateSettings(string connectionString, StoreOptions options)
    {
        try
        {
            var given = new ConnectionString(connectionString);
            var settings = MongoClientSettings.FromConnectionString(connectionString);
            settings.ApplicationName ??= "UserApi";
            // Before the whole operation is given up: then it is known that nothing was sent.
            settings.ServerSelectionTimeout = given.ServerSelectionTimeout ?? options.Timeout * 0.8;

            // Also how long the driver waits for a heartbeat that the network has swallowed, before it looks whether the server is back.
            settings.ConnectTimeout = given.ConnectTimeout ?? TimeSpan.FromSeconds(1);
            settings.WaitQueueTimeout = given.WaitQueueTimeout ?? TimeSpan.FromSeconds(1);
            return settings;
        }
        catch (MongoConfigurationException)
        {
            // The driver's message quotes the string, with the password in it.
            throw Refusal(
                "ConnectionStrings:users is not a MongoDB connection string (mongodb://user:password@host:port/database?options). "
                + "Characters of a password such as / : @ % have to be percent-encoded.");
        }
    }

    private static OptionsValidationException Refusal(string message) => new(StoreOptions.SectionName, typeof(StoreOptions), [message]);

    [LoggerMessage(1, LogLevel.Information, "User store: {Store}")]
    private static partial void LogStore(ILogger logger, string store);

    /// <summary>
    /// Makes the store while the process starts: a file that cannot be used ends it at once. A database that cannot be reached does not;
    /// asking it now only opens the first connection before the first request needs it.
    /// </summary>
    private sealed class StoreStart(IUserStore store) : BackgroundService
    {
        protected override async Task ExecuteAsync(CancellationToken stoppingToken)
        {
            try
            {
                await store.PingAsync(stoppingToken);
            }
            catch (StoreUnavailableException)
            {
                // The store has logged it.
            }
        }
    }

    private sealed class StoreHealth(IUserStore store) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            budget.CancelAfter(s_healthBudget);
            try
            {
                await store.PingAsync(budget.Token).AsTask().WaitAsync(budget.Token);
                return HealthCheckResult.Healthy(store.SystemName);
            }
            catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException)
            {
                return HealthCheckResult.Unhealthy($"{store.SystemName} does not answer");
            }
        }
    }
}
