using MongoDB.Driver;
using Request = UserApi.Api.Users.Stores.Mongo.RequestBatcher<UserApi.Api.Users.User, UserApi.Api.Users.Stores.WriteResult>.Request;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>Puts users without conditions, many in one command.</summary>
/// <param name="mongo">Carries out the command.</param>
internal sealed class BatchedPuts(MongoOperations mongo)
{
    private static readonly BulkWriteOptions s_unordered = new() { IsOrdered = false };

    /// <summary>Puts the users of a batch, and answers each request as soon as its own outcome is known.</summary>
    /// <param name="requests">The batch.</param>
    public ValueTask ExecuteAsync(IReadOnlyList<Request> requests) =>
        mongo.RunAsync(isWrite: true, async budget =>
        {
            for (var attempt = 1; ; attempt++)
            {
                var users = mongo.Open().For(budget).Users;
                var updates = requests.Select(request => new UpdateOneModel<User>(
                    UserFilters.ById(request.Item.Id), UserBsonSerializer.Replace(request.Item))
                { IsUpsert = true });
                try
                {
                    // The driver has no maxTimeMS for it; the write concern bounds the wait for the majority.
                    var result = await users.BulkWriteAsync([.. updates], s_unordered, budget.Token);
                    Answer(requests, result, errors: [], unconfirmed: null);
                    return;
                }
                catch (MongoBulkWriteException<User> e)
                {
                    requests = Answer(requests, e.Result, e.WriteErrors, e.WriteConcernError);
                    if (requests.Count == 0)
                    {
                        return;
                    }
                }
                catch (MongoCommandException e) when (MongoFailures.IsDuplicateKey(e.Code))
                {
                    // All of them are tried again.
                }

                await MongoOperations.PauseAsync(attempt, budget);
            }
        }, CancellationToken.None);

    /// <summary>Answers puts by what the server reports of each.</summary>
    /// <returns>Those that collided with another first write of the same id (SERVER-14322).</returns>
    private static List<Request> Answer(
        IReadOnlyList<Request> requests,
        BulkWriteResult result,
        IReadOnlyList<BulkWriteError> errors,
        WriteConcernError? unconfirmed)
    {
        var created = result.Upserts.Select(upsert => upsert.Index).ToHashSet();
        var failed = errors.ToDictionary(error => error.Index);
        var collided = new List<Request>();
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
            else if (MongoFailures.Refusal(error.Code, error.Message) is { } refusal)
            {
                request.SetResult(refusal);
            }
            else if (MongoFailures.IsDuplicateKey(error.Code))
            {
                collided.Add(request);
            }
            else
            {
                request.SetException(MongoFailures.NotApplied(error));
            }
        }

        return collided;
    }
}
