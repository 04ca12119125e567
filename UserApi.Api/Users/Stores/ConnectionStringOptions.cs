namespace UserApi.Api.Users.Stores;

/// <summary>Where databases are: configuration section <c>ConnectionStrings</c>, which other services' names are in as well.</summary>
internal sealed class ConnectionStringOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "ConnectionStrings";

    /// <summary>MongoDB's connection string, which Aspire injects as <c>ConnectionStrings__users</c>. Default: none.</summary>
    public string? Users { get; set; }
}
