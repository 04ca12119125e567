using System.ComponentModel;

namespace UserApi.Api.Users;

/// <summary>
/// The body of <c>PATCH</c>, for its documentation: <see cref="UserInputReader.Merge"/> reads it as JSON, because an absent member and a null
/// member differ. It is a map, because clients of some generators send null for each property that was not set.
/// </summary>
[Description(
    "A JSON Merge Patch (RFC 7396): the members of `UserInput` that are to change. A member that is not there stays "
    + "as it is, null removes it; so does each of the attributes.")]
internal sealed class UserPatch : Dictionary<string, object>;
