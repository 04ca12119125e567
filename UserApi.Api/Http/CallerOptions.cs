namespace UserApi.Api.Http;

/// <summary>
/// Who may call: configuration section <c>Authentication</c>. Where tokens come from is in ASP.NET Core's own section,
/// <c>Authentication:Schemes:Bearer</c> (<c>Authority</c>, <c>ValidAudiences</c>, <c>ValidIssuers</c>).
/// </summary>
internal sealed class CallerOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Authentication";

    /// <summary>Whether callers without a token may do everything. Default: only in Development.</summary>
    public bool? AllowAnonymous { get; set; }

    /// <summary>Whether a token for any audience is taken: for issuers whose access tokens name none, such as Amazon Cognito. Default: false.</summary>
    public bool AnyAudience { get; set; }

    /// <summary>What the issuer puts before the names of the scopes, such as the resource server's identifier and a slash. Default: nothing.</summary>
    public string ScopePrefix { get; set; } = "";
}
