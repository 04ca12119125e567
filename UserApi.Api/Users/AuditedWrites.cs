using UserApi.Api.Http;
using UserApi.Api.Users.Stores;

namespace UserApi.Api.Users;

internal static class AuditedWrites
{
    public const string Put = "create or replace";
    public const string Update = "update";
    public const string Delete = "delete";

    /// <summary>Waits for a write, and logs it if it changed a user, or may have.</summary>
    /// <param name="write">The write.</param>
    /// <param name="audit">Where the line goes.</param>
    /// <param name="http">The request of the write.</param>
    /// <param name="id">Whom it is about.</param>
    /// <param name="attempt">What it is, as a verb, as long as it is not known what became of it.</param>
    public static async ValueTask<WriteResult> AuditAsync(
        this ValueTask<WriteResult> write, AuditLog audit, HttpContext http, UserId id, string attempt)
    {
        WriteResult result;
        try
        {
            result = await write;
        }
        catch (Exception e) when (e is not (StoreUnavailableException { MayHaveBeenApplied: false } or IndexNotReadyException))
        {
            // Also a caller that hung up: otherwise it could write without a trace.
            audit.Write(http.User, attempt, "user", id.Value, isApplied: false);
            throw;
        }

        var action = result.Outcome switch
        {
            WriteOutcome.Created => "create",
            WriteOutcome.Replaced when attempt == Update => Update,
            WriteOutcome.Replaced => "replace",
            WriteOutcome.Deleted => Delete,
            _ => null,
        };
        if (action is not null)
        {
            audit.Write(http.User, action, "user", id.Value, isApplied: true);
        }

        return result;
    }
}
