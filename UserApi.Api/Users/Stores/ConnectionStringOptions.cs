namespace UserApi.Api.Users.Stores;

/// <summary>Connection strings: configuration section <c>ConnectionStrings</c>, which may also contain names of other services.</summary>
internal sealed class ConnectionStringOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "ConnectionStrings";

    /// <summary>MongoDB's connection string, which Aspire injects as <c>ConnectionStrings__users</c>. Default: none.</summary>
    public string? Users { get; set; }
}
