namespace UserApi.Api.Users;

/// <summary>Rules that all users keep together: configuration section <c>Users</c>.</summary>
internal sealed class UserOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Users";

    /// <summary>
    /// Whether two users never have the same e-mail address, in upper or lower case (see <see cref="CaseFolding"/>); a write that would break this
    /// is 409. Where it is switched on over users that break it, the process ends and says how to list them. Default: false.
    /// </summary>
    public bool UniqueEmails { get; set; }
}
