using MongoDB.Driver;
using Request = UserApi.Api.Users.Stores.Mongo.RequestBatcher<UserApi.Api.Users.User, UserApi.Api.Users.Stores.WriteResult>.Request;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Puts users without conditions, many in one command.</summary>
/// <param name="mongo">Carries out the command.</param>
/// <param name="stored">Finds the users that a put collided with.</param>
internal sealed class BatchedPuts(MongoOperations mongo, StoredUsers stored)
{
    private static readonly BulkWriteOptions s_unordered = new() { IsOrdered = false };

    /// <summary>Puts the users of a batch, and completes each request as soon as its outcome is known.</summary>
    /// <param name="requests">The batch.</param>
    public ValueTask ExecuteAsync(IReadOnlyList<Request> requests) =>
        mongo.RunAsync(isWrite: true, async budget =>
        {
            // Ids of documents that are not users, and are replaced in any case.
            var noUsers = new HashSet<string>();
            for (var attempt = 1; ; attempt++)
            {
                var users = mongo.Open().For(budget).Users;
                List<(Request Request, WriteResult? Refusal)> collided;
                try
                {
                    // The driver has no maxTimeMS for it; the write concern bounds the wait for the majority.
                    var result = await users.BulkWriteAsync([.. requests.Select(request => Update(request.Item, noUsers))], s_unordered, budget.Token);
                    Answer(requests, result, errors: [], unconfirmed: null);
                    return;
                }
                catch (MongoBulkWriteException<User> e)
                {
                    collided = Answer(requests, e.Result, e.WriteErrors, e.WriteConcernError);
                    if (collided.Count == 0)
                    {
                        return;
                    }
                }
                catch (MongoCommandException e) when (MongoFailures.IsDuplicateKey(e.Code))
                {
                    collided = [.. requests.Select(request => (request, (WriteResult?)null))];
                }

                requests = await ExplainAsync(collided, noUsers, budget);
                if (requests.Count == 0)
                {
                    return;
                }

                await MongoOperations.PauseAsync(attempt, budget);
            }
        }, CancellationToken.None);

    private static UpdateOneModel<User> Update(User user, HashSet<string> noUsers)
    {
        var members = UserBsonSerializer.Members(user);
        var filter = UserFilters.ById(user.Id);
        return new(noUsers.Contains(user.Id) ? filter : UserFilters.Differing(filter, members), UserBsonSerializer.Replace(user, members)) { IsUpsert = true };
    }

    /// <summary>Completes puts that collided with an existing document: with the same state, or with another user's unique value.</summary>
    /// <returns>The puts to try again, because another write came in between (SERVER-14322).</returns>
    private async Task<List<Request>> ExplainAsync(
        List<(Request Request, WriteResult? Refusal)> collided, HashSet<string> noUsers, OperationBudget budget)
    {
        var found = await stored.FindAsync([.. collided.Select(put => put.Request.Item.Id)], budget);
        var again = new List<Request>();
        foreach (var (request, refusal) in collided)
        {
            var user = found.GetValueOrDefault(request.Item.Id);
            if (user is not null && user.Body.IsSameAs(request.Item.Body))
            {
                request.SetResult(new(WriteOutcome.Unchanged, user.Version, user));
            }
            else if (refusal is { } result)
            {
                request.SetResult(result);
            }
            else
            {
                again.Add(request);
                _ = user is null && noUsers.Add(request.Item.Id);
            }
        }

        return again;
    }

    /// <summary>Completes puts by the result that the server reports for each.</summary>
    /// <returns>The puts that collided with an existing document, and the conflict with a unique index other than that on _id.</returns>
    private static List<(Request Request, WriteResult? Refusal)> Answer(
        IReadOnlyList<Request> requests,
        BulkWriteResult result,
        IReadOnlyList<BulkWriteError> errors,
        WriteConcernError? unconfirmed)
    {
        var created = result.Upserts.Select(upsert => upsert.Index).ToHashSet();
        var failed = errors.ToDictionary(error => error.Index);
        var collided = new List<(Request, WriteResult?)>();
        foreach (var (index, request) in requests.Index())
        {
            if (!failed.TryGetValue(index, out var error))
            {
                if (unconfirmed is not null)
                {
                    request.SetException(MongoFailures.Unconfirmed(unconfirmed));
                }
                else
                {
                    request.SetResult(new(created.Contains(index) ? WriteOutcome.Created : WriteOutcome.Replaced, request.Item.Version));
                }
            }
            else if (MongoFailures.IsDuplicateKey(error.Code))
            {
                collided.Add((request, MongoFailures.Refusal(error.Code, error.Message)));
            }
            else if (MongoFailures.Refusal(error.Code, error.Message) is { } refusal)
            {
                request.SetResult(refusal);
            }
            else
            {
                request.SetException(MongoFailures.NotApplied(error));
            }
        }

        return collided;
    }
}
