using Microsoft.Extensions.Options;
using UserApi.Api.Http;
using UserApi.Api.Users.Stores.Mongo;

namespace UserApi.Api.Users.Stores;

/// <summary>Where users are kept: configuration section <c>Store</c>.</summary>
internal sealed class StoreOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Store";

    /// <summary>Which store. Default: <see cref="StoreKind.Auto"/>.</summary>
    public StoreKind Kind { get; set; }

    /// <summary>The embedded store's file, relative to the content root. Its folder is created. Default: <c>data/users.db</c>.</summary>
    public string Path { get; set; } = "data/users.db";

    /// <summary>
    /// How long one operation on the database may take, from choosing a server to the last byte of the response; then the HTTP response is
    /// 503. Must be less than <c>Limits:RequestTimeout</c>. Default: 1.5 s, which keeps "unreachable" below 2 s.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(1.5);

    /// <summary>The store that <see cref="Kind"/> means; still <see cref="StoreKind.Auto"/> if nothing determines it.</summary>
    public StoreKind Choose(ConnectionStringOptions connections, IHostEnvironment environment) =>
        Kind != StoreKind.Auto ? Kind :
        !string.IsNullOrWhiteSpace(connections.Users) ? StoreKind.MongoDb :
        environment.IsDevelopment() ? StoreKind.Embedded : StoreKind.Auto;
}

/// <summary>A kind of user store.</summary>
internal enum StoreKind
{
    /// <summary>MongoDB if there is a connection string, otherwise the embedded store in Development; elsewhere the process does not start.</summary>
    Auto,

    /// <summary>A SQLite file, <see cref="StoreOptions.Path"/>.</summary>
    Embedded,

    /// <summary>MongoDB, by the connection string <c>ConnectionStrings:users</c>.</summary>
    MongoDb,
}

internal sealed class StoreOptionsValidator(
    IOptions<ConnectionStringOptions> connections, IOptions<LimitOptions> limits, IHostEnvironment environment) : IValidateOptions<StoreOptions>
{
    public ValidateOptionsResult Validate(string? name, StoreOptions options)
    {
        var failures = new List<string>();
        if (options.Timeout <= TimeSpan.Zero)
        {
            failures.Add("Store:Timeout must be more than 0.");
        }
        else if (options.Timeout >= limits.Value.RequestTimeout)
        {
            failures.Add(
                $"Store:Timeout ({options.Timeout}) must be less than Limits:RequestTimeout ({limits.Value.RequestTimeout}): "
                + "a request would be given up before its caller could be told what the store says.");
        }

        var connectionString = connections.Value.Users;
        switch (options.Choose(connections.Value, environment))
        {
            case StoreKind.Auto:
                failures.Add(
                    $"There is no user store in the environment {environment.EnvironmentName}: set ConnectionStrings:users (ConnectionStrings__users) to a "
                    + "MongoDB connection string, or Store:Kind (Store__Kind) to Embedded to keep users in a file of this machine.");
                break;
            case StoreKind.MongoDb when string.IsNullOrWhiteSpace(connectionString):
                failures.Add("Store:Kind is MongoDb: set ConnectionStrings:users (ConnectionStrings__users).");
                break;
            case StoreKind.MongoDb when MongoConnection.Refuse(connectionString) is { } rule:
                failures.Add(rule);
                break;
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
