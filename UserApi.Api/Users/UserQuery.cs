namespace UserApi.Api.Users;

/// <summary>
/// Which users are asked for, in which order, and how many. The conditions hold all at once. <see cref="Order"/> is always completed by the
/// id's code points, in the same direction, so that every user has a place of its own.
/// </summary>
internal sealed record UserQuery
{
    public const int DefaultLimit = 50;
    public const int MaxLimit = 200;

    /// <summary>How many attributes can be asked for at once.</summary>
    public const int MaxAttributes = 5;

    /// <summary>
    /// How many users a store looks at for one page, and how many places of an index for one condition. A page ends there, however short it
    /// is, and leads on.
    /// </summary>
    public const int MaxExamined = 1_000;

    /// <summary>How far users are counted.</summary>
    public const int MaxTotal = 10_000;

    /// <summary>Only users with this e-mail address, in any case; null for all.</summary>
    public string? Email { get; init => (field, EmailKey) = (value, value is null ? null : CaseFolding.Fold(value)); }

    /// <summary>The <see cref="SearchKeys.Email"/> of the users that <see cref="Email"/> asks for.</summary>
    public string? EmailKey { get; private init; }

    /// <summary>Only users whose name begins like this, in any case; null for all.</summary>
    public string? Name { get; init => (field, NameKey) = (value, value is null ? null : CaseFolding.Fold(value)); }

    /// <summary>What the <see cref="SearchKeys.Name"/> of the users that <see cref="Name"/> asks for begins with.</summary>
    public string? NameKey { get; private init; }

    /// <summary>Only users with exactly these attributes, among others.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Attributes
    {
        get;
        init => (field, AttributeKeys) = (value, [.. value.Select(entry => SearchKeys.OfAttribute(entry.Key, entry.Value))]);
    } = [];

    /// <summary>The <see cref="SearchKeys.Attributes"/> of the users that <see cref="Attributes"/> asks for, in that order.</summary>
    public IReadOnlyList<long> AttributeKeys { get; private init; } = [];

    /// <summary>Only users that were last written at this time (UTC, whole milliseconds) or later; null for all.</summary>
    public DateTime? UpdatedSince { get; init; }

    /// <summary>What the users are ordered by.</summary>
    public UserOrder Order { get; init; }

    /// <summary>Whether the greatest come first.</summary>
    public bool IsDescending { get; init; }

    /// <summary>How many users at the most.</summary>
    public int Limit { get; init; } = DefaultLimit;

    /// <summary>Only users behind this position, whether or not a user has it; null for the start.</summary>
    public UserPosition? After { get; init; }

    /// <summary>Whether <see cref="UserPage.Total"/> is asked for.</summary>
    public bool Count { get; init; }

    /// <summary>Whether users are asked for by more than their order.</summary>
    public bool HasConditions => Email is not null || Name is not null || Attributes.Count > 0 || UpdatedSince is not null;

    /// <summary>Whether all that is asked for is a page of all users in id order, which needs no index but that by id.</summary>
    public bool IsPlain => !HasConditions && Order == UserOrder.Id && !IsDescending && !Count;

    /// <summary>Whether a user with these keys may be asked for: all is compared but the attributes, of which the keys may deceive.</summary>
    /// <param name="keys">The keys of the user.</param>
    /// <param name="updatedAt">When the user was last written.</param>
    public bool MayMatch(SearchKeys keys, DateTime updatedAt) =>
        (EmailKey is null || keys.Email == EmailKey)
        && (NameKey is null || keys.Name.StartsWith(NameKey, StringComparison.Ordinal))
        && (UpdatedSince is null || updatedAt >= UpdatedSince)
        && AttributeKeys.All(keys.Attributes.Contains);

    /// <summary>Whether a user is asked for.</summary>
    /// <param name="user">The user.</param>
    public bool Matches(User user) =>
        MayMatch(SearchKeys.Of(user.Body), user.UpdatedAt)
        && Attributes.All(entry => user.Attributes?.TryGetValue(entry.Key, out var value) == true && value == entry.Value);
}

/// <summary>What users can be ordered by.</summary>
internal enum UserOrder
{
    /// <summary>The code points of the id.</summary>
    Id,

    /// <summary>The code points of the folded name, see <see cref="SearchKeys.Name"/>.</summary>
    Name,

    /// <summary>The time of creation.</summary>
    CreatedAt,

    /// <summary>The time of the last write.</summary>
    UpdatedAt,
}
