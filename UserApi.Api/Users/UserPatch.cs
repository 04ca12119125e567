using System.ComponentModel;

namespace UserApi.Api.Users;

/// <summary>
/// What <c>PATCH</c> takes, for its documentation: <see cref="UserInputReader.Merge"/> reads it as JSON, since a member that is absent and one that
/// is null differ. It is a map, since the clients that some generators make send null for each property that nobody set.
/// </summary>
[Description(
    "A JSON Merge Patch (RFC 7396): the members of `UserInput` that are to change. A member that is not there stays "
    + "as it is, null removes it; so does each of the attributes.")]
internal sealed class UserPatch : Dictionary<string, object>;
