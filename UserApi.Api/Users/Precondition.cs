using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;
using UserApi.Api.Docs;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>
/// The condition that a user's current version must meet before a request is carried out: <c>If-Match</c> and <c>If-None-Match</c> of
/// RFC 9110 section 13.1. The default has no condition.
/// </summary>
/// <param name="IfMatch">The current version must be one of these; null for no condition.</param>
/// <param name="IfNoneMatch">The current version must be none of these; null for no condition.</param>
internal readonly record struct Precondition(EntityTagSet? IfMatch, EntityTagSet? IfNoneMatch)
{
    private const string ExampleTag = "\"0b9c1d5a4e7f4c2f8a6d3e1b5c7f9a2d\"";

    /// <summary>The <c>ETag</c> of a response, for the documentation.</summary>
    internal static HeaderDocs EntityTag { get; } = new(HeaderNames.ETag, "Names this version and no other, ever.", ExampleTag);

    /// <summary>Requires that the user's current version is <paramref name="version"/>.</summary>
    /// <param name="version">A <see cref="User.Version"/>.</param>
    public static Precondition Matches(string version) => new(new([version]), null);

    /// <summary>Requires that the user does not exist.</summary>
    public static Precondition IsNew { get; } = new(null, EntityTagSet.Any);

    /// <summary>Whether there is no condition.</summary>
    public bool IsEmpty => IfMatch is null && IfNoneMatch is null;

    /// <summary>The request headers, for the documentation.</summary>
    internal static ParameterDocs[] Parameters { get; } =
    [
        new(ParameterPlace.Header, HeaderNames.IfMatch, "Go ahead only if the current version has one of these tags, or exists at all (`*`).") { Example = ExampleTag },
        new(ParameterPlace.Header, HeaderNames.IfNoneMatch, "Go ahead only if the current version has none of these tags, or does not exist (`*`).") { Example = ExampleTag },
    ];

    /// <summary>400: a malformed condition must not be ignored, because the caller wants to protect something.</summary>
    /// <param name="header">The name of the header.</param>
    internal static Problem Malformed(string header) =>
        new(StatusCodes.Status400BadRequest, $"{header} must be * or a list of entity tags (RFC 9110 section 8.8.3).");

    /// <summary>Decides whether a request may be carried out (RFC 9110 section 13.2.2).</summary>
    /// <param name="currentVersion">The user's version; null if the user does not exist.</param>
    public PreconditionVerdict Evaluate(string? currentVersion) =>
        IfMatch is { } match && !match.Contains(currentVersion) ? PreconditionVerdict.Failed :
        IfNoneMatch is { } noneMatch && noneMatch.Contains(currentVersion) ? PreconditionVerdict.NotModified :
        PreconditionVerdict.GoAhead;

    /// <summary>Whether a write may be carried out.</summary>
    /// <param name="currentVersion">The user's version; null if the user does not exist.</param>
    public bool IsSatisfiedBy(string? currentVersion) => Evaluate(currentVersion) == PreconditionVerdict.GoAhead;

    /// <summary>The same precondition after the user's state has got another version.</summary>
    /// <param name="version">The old version.</param>
    /// <param name="newVersion">The new version.</param>
    public Precondition Rename(string version, string newVersion) => new(IfMatch?.Rename(version, newVersion), IfNoneMatch?.Rename(version, newVersion));

    /// <summary>Parses the two headers; false if one of them is neither a list of entity tags nor <c>*</c>.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="precondition">The precondition in the headers.</param>
    /// <param name="malformed">The name of the malformed header.</param>
    public static bool TryRead(IHeaderDictionary headers, out Precondition precondition, [NotNullWhen(false)] out string? malformed)
    {
        EntityTagSet? ifNoneMatch = null;
        malformed =
            !TryRead(headers.IfMatch, strong: true, out var ifMatch) ? HeaderNames.IfMatch :
            !TryRead(headers.IfNoneMatch, strong: false, out ifNoneMatch) ? HeaderNames.IfNoneMatch :
            null;
        precondition = new(ifMatch, ifNoneMatch);
        return malformed is null;

        // Ignoring a malformed header would overwrite what the caller wants to protect.
        static bool TryRead(StringValues header, bool strong, out EntityTagSet? versions)
        {
            versions = null;
            if (header.Count == 0)
            {
                return true;
            }

            if (!EntityTagHeaderValue.TryParseStrictList(header, out var tags))
            {
                return false;
            }

            var isAny = tags.Any(tag => tag.Tag == "*");
            if (isAny && tags.Count > 1)
            {
                return false;
            }

            // A weak tag never matches under the strong comparison of If-Match (RFC 9110 section 8.8.3.2).
            versions = isAny
                ? EntityTagSet.Any
                : new([.. tags.Where(tag => !(strong && tag.IsWeak)).Select(tag => tag.Tag.Subsegment(1, tag.Tag.Length - 2).ToString())]);
            return true;
        }
    }
}

/// <summary>The result of a precondition.</summary>
internal enum PreconditionVerdict
{
    /// <summary>The request must be carried out.</summary>
    GoAhead,

    /// <summary>The current version is not one that <c>If-Match</c> names: 412.</summary>
    Failed,

    /// <summary>The current version is one that <c>If-None-Match</c> names: 304 for a read, 412 for a write.</summary>
    NotModified,
}

/// <summary>A set of versions of a user, or any version.</summary>
/// <param name="versions">The versions, see <see cref="User.Version"/>.</param>
internal sealed class EntityTagSet(IReadOnlyList<string> versions)
{
    /// <summary>Every version of a user that exists: <c>*</c>.</summary>
    public static EntityTagSet Any { get; } = new([]);

    /// <summary>The versions; empty for <see cref="Any"/>, too.</summary>
    public IReadOnlyList<string> Versions { get; } = versions;

    /// <summary>The set with one version replaced by another.</summary>
    public EntityTagSet Rename(string version, string newVersion) =>
        Versions.Contains(version) ? new([.. Versions.Select(each => each == version ? newVersion : each)]) : this;

    /// <summary>Whether <paramref name="version"/> is in the set; null never is.</summary>
    /// <param name="version">A <see cref="User.Version"/>, or null for a user that does not exist.</param>
    public bool Contains(string? version) => version is not null && (ReferenceEquals(this, Any) || Versions.Contains(version));
}
