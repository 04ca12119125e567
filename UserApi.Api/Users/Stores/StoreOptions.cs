namespace UserApi.Api.Users.Stores;

/// <summary>Where users are kept: configuration section <c>Store</c>.</summary>
internal sealed class StoreOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Store";

    /// <summary>The connection string's name: <c>ConnectionStrings:users</c>, which Aspire injects as <c>ConnectionStrings__users</c>.</summary>
    public const string ConnectionName = "users";

    /// <summary>Which store. Default: <see cref="StoreKind.Auto"/>.</summary>
    public StoreKind Kind { get; set; }

    /// <summary>The embedded store's file, relative to the content root. Its folder is made. Default: <c>data/users.db</c>.</summary>
    public string Path { get; set; } = "data/users.db";

    /// <summary>
    /// How long one operation on the database may take, from choosing a server to the last byte of its answer; over that, the answer is
    /// 503. Default: 1.5 s, which keeps "unreachable" below 2 s.
    /// </summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(1.5);
}

/// <summary>A kind of user store.</summary>
internal enum StoreKind
{
    /// <summary>MongoDB when there is a connection string, else the embedded store in Development, else a refusal to start.</summary>
    Auto,

    /// <summary>A SQLite file beside the program.</summary>
    Embedded,

    /// <summary>MongoDB, by the connection string <c>ConnectionStrings:users</c>.</summary>
    MongoDb,
}
