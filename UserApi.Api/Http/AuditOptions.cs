namespace UserApi.Api.Http;

/// <summary>What the audit log holds: configuration section <c>Audit</c>.</summary>
internal sealed class AuditOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Audit";

    /// <summary>Whether the ids of what was written are logged. Default: false, since an id may be an e-mail address.</summary>
    public bool LogIds { get; set; }
}
