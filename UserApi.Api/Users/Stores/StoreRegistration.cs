using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using MongoDB.Bson.Serialization;
using UserApi.Api.Users.Stores.Mongo;
using UserApi.Api.Users.Stores.Sqlite;

namespace UserApi.Api.Users.Stores;

/// <summary>Chooses and makes the process's one store.</summary>
internal static partial class StoreRegistration
{
    public static void AddUserStore(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection(StoreOptions.SectionName).Get<StoreOptions>() ?? new();
        var connectionString = builder.Configuration.GetConnectionString(StoreOptions.ConnectionName);
        var uniqueEmails = (builder.Configuration.GetSection(UserOptions.SectionName).Get<UserOptions>() ?? new()).UniqueEmails;
        var kind = Choose(options, connectionString, builder.Environment);

        if (kind == StoreKind.Embedded)
        {
            var path = Path.Combine(builder.Environment.ContentRootPath, options.Path);
            Register($"embedded, {path}", makesSpans: true, services =>
            {
                var unreadable = services.GetRequiredService<UnreadableUsers>();
                return new SqliteUserStore(
                    path,
                    options.Timeout,
                    services.GetRequiredService<TimeProvider>(),
                    services.GetRequiredService<ILogger<SqliteUserStore>>(),
                    () => unreadable.Add(),
                    uniqueEmails);
            });
        }
        else
        {
            BsonSerializer.TryRegisterSerializer(new UserBsonSerializer());
            Register($"MongoDB, {MongoConnection.Describe(connectionString!)}", makesSpans: false, services =>
                new MongoUserStore(
                    new(connectionString!, options.Timeout, services.GetRequiredService<ILoggerFactory>()),
                    options.Timeout,
                    services.GetRequiredService<TimeProvider>(),
                    services.GetRequiredService<UnreadableUsers>(),
                    uniqueEmails,
                    services.GetRequiredService<ILogger<MongoUserStore>>()));
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
                    services.GetRequiredService<TimeProvider>(),
                    services.GetRequiredService<ILogger<InstrumentedUserStore>>());
            });
            builder.Services.AddSingleton<StoreWarmup>().AddHostedService(services => services.GetRequiredService<StoreWarmup>());
            builder.Services.AddSingleton<StoreHealthCheck>();
            builder.Services.AddHealthChecks().AddCheck<StoreHealthCheck>("store");
        }
    }

    private static StoreKind Choose(StoreOptions options, string? connectionString, IHostEnvironment environment)
    {
        if (options.Timeout <= TimeSpan.Zero)
        {
            throw Refusal("Store:Timeout must be more than 0.");
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
            StoreKind.MongoDb or StoreKind.Embedded => options.Kind,
            _ => throw Refusal($"Store:Kind must be {string.Join(", ", Enum.GetNames<StoreKind>())}, not {options.Kind}."),
        };
    }

    private static OptionsValidationException Refusal(string message) => new(StoreOptions.SectionName, typeof(StoreOptions), [message]);

    [LoggerMessage(1, LogLevel.Information, "User store: {Store}")]
    private static partial void LogStore(ILogger logger, string store);

}
