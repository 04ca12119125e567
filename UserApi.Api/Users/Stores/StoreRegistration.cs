using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using MongoDB.Bson.Serialization;
using UserApi.Api.Users.Stores.Mongo;
using UserApi.Api.Users.Stores.Sqlite;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Users.Stores;

/// <summary>Chooses and creates the store of the process.</summary>
internal static partial class StoreRegistration
{
    public static void AddUserStore(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<ConnectionStringOptions>(ConnectionStringOptions.SectionName, isShared: true);
        builder.AddSettings<StoreOptions, StoreOptionsValidator>(StoreOptions.SectionName);
        builder.AddSettings<UserOptions>(UserOptions.SectionName);
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<UnreadableUsers>();
        builder.Services.AddSingleton(Create);
        builder.Services.AddSingleton<StoreWarmup>().AddHostedService(services => services.GetRequiredService<StoreWarmup>());
        builder.Services.AddSingleton<StoreHealthCheck>();
        builder.Services.AddHealthChecks().AddCheck<StoreHealthCheck>("store");
    }

    /// <summary>Creates the store, which opens its file, before the host starts: the host would log a failure with a stack trace.</summary>
    /// <exception cref="StoreFileException">The file cannot be used.</exception>
    public static void OpenUserStore(this IHost app) => app.Services.GetRequiredService<IUserStore>();

    private static IUserStore Create(IServiceProvider services)
    {
        var options = services.GetRequiredService<IOptions<StoreOptions>>().Value;
        var connections = services.GetRequiredService<IOptions<ConnectionStringOptions>>().Value;
        var environment = services.GetRequiredService<IHostEnvironment>();
        var clock = services.GetRequiredService<TimeProvider>();
        var unreadable = services.GetRequiredService<UnreadableUsers>();
        var uniqueEmails = services.GetRequiredService<IOptions<UserOptions>>().Value.UniqueEmails;
        var isEmbedded = options.Choose(connections, environment) == StoreKind.Embedded;
        var path = Path.GetFullPath(options.Path, environment.ContentRootPath);
        IUserStore store = isEmbedded ? OpenFile() : Connect();
        LogStore(
            services.GetRequiredService<ILogger<IUserStore>>(),
            isEmbedded ? $"embedded, {path}" : $"MongoDB, {MongoConnection.Describe(connections.Users!)}");
        return new InstrumentedUserStore(
            store,
            makesSpans: isEmbedded,
            services.GetRequiredService<IMeterFactory>(),
            clock,
            services.GetRequiredService<ILogger<InstrumentedUserStore>>());

        SqliteUserStore OpenFile() =>
            new(path, options.Timeout, clock, services.GetRequiredService<ILogger<SqliteUserStore>>(), () => unreadable.Add(), uniqueEmails);

        MongoUserStore Connect()
        {
            BsonSerializer.TryRegisterSerializer(new UserBsonSerializer());
            MongoConnection connection = new(connections.Users!, options.Timeout, services.GetRequiredService<ILoggerFactory>());
            return new(connection, options.Timeout, clock, unreadable, uniqueEmails, services.GetRequiredService<ILogger<MongoUserStore>>());
        }
    }

    [LoggerMessage(1, LogLevel.Information, "User store: {Store}")]
    private static partial void LogStore(ILogger logger, string store);
}
