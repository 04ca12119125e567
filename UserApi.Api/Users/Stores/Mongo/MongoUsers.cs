using System.Text;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The collection <c>users</c>, once per time limit of its commands: the limit of a write's wait for the majority is part of the collection
/// object, and creating such an object costs more than choosing one.
/// </summary>
internal sealed class MongoUsers
{
    /// <summary>The name of the collection.</summary>
    public const string Name = "users";

    /// <summary>The largest share of the timeout that a command gets on the server, in tenths.</summary>
    public const int MaxTenths = 9;

    private readonly TimedUsers[] _byTenths;

    /// <summary>Creates the collection objects; sends nothing.</summary>
    /// <param name="database">The database of the collection.</param>
    /// <param name="timeout">The timeout of one operation.</param>
    public MongoUsers(IMongoDatabase database, TimeSpan timeout)
    {
        // Text that is not UTF-8 is read with replacement characters, so that such a document does not fail the command that returns it.
        var users = database.GetCollection<User>(
            Name, new() { ReadPreference = ReadPreference.Primary, ReadEncoding = new UTF8Encoding(false, throwOnInvalidBytes: false) });

        // The concern is set here, so that neither a connection string nor a server's default can weaken the store's promises.
        _byTenths = [.. Enumerable.Range(0, MaxTenths + 1)
            .Select(tenths => timeout * Math.Max(tenths, 0.5) / 10)
            .Select(limit => new TimedUsers(users.WithWriteConcern(WriteConcern.WMajority.With(journal: true, wTimeout: limit)), limit))];
    }

    /// <summary>The collection for a command that is sent now.</summary>
    /// <param name="budget">The budget of the command's operation.</param>
    public TimedUsers For(OperationBudget budget) => _byTenths[budget.ServerTenths];
}

/// <summary>The collection of users and the time that the server may take for one command.</summary>
/// <param name="Users">The collection; its write concern waits for the majority for no longer than <paramref name="MaxTime"/>.</param>
/// <param name="MaxTime">The <c>maxTimeMS</c> of a command.</param>
internal sealed record TimedUsers(IMongoCollection<User> Users, TimeSpan MaxTime);
