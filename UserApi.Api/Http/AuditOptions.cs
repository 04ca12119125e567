namespace UserApi.Api.Http;

/// <summary>The content of the audit log: configuration section <c>Audit</c>.</summary>
internal sealed class AuditOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Audit";

    /// <summary>Whether the ids of written users are logged. Default: false, because an id may be an e-mail address.</summary>
    public bool LogIds { get; set; }
}
