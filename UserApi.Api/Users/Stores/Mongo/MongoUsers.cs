using System.Text;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The collection <c>users</c>, once for each limit of time that its commands can have: the limit of a write's wait for the majority is
/// part of the collection object, and making one costs more than choosing one.
/// </summary>
internal sealed class MongoUsers
{
    /// <summary>The name of the collection.</summary>
    public const string Name = "users";

    /// <summary>The greatest share of the time that a command gets on the server, in tenths.</summary>
    public const int MaxTenths = 9;

    private readonly TimedUsers[] _byTenths;

    /// <summary>Makes the collection objects; nothing is sent.</summary>
    /// <param name="database">Where the collection is.</param>
    /// <param name="timeout">What one operation may take.</param>
    public MongoUsers(IMongoDatabase database, TimeSpan timeout)
    {
        // Text that is not UTF-8 is read with replacement characters: one such document must not fail the command that returns it.
        var users = database.GetCollection<User>(
            Name, new() { ReadPreference = ReadPreference.Primary, ReadEncoding = new UTF8Encoding(false, throwOnInvalidBytes: false) });

        // The concern is set here, so that neither a connection string nor a server's default can weaken what the store promises.
        _byTenths = [.. Enumerable.Range(0, MaxTenths + 1)
            .Select(tenths => timeout * Math.Max(tenths, 0.5) / 10)
            .Select(limit => new TimedUsers(users.WithWriteConcern(WriteConcern.WMajority.With(journal: true, wTimeout: limit)), limit))];
    }

    /// <summary>The collection for a command that is sent now.</summary>
    /// <param name="budget">The operation that the command is a part of.</param>
    public TimedUsers For(OperationBudget budget) => _byTenths[budget.ServerTenths];
}

/// <summary>The collection of users and the time that the server may take for one command.</summary>
/// <param name="Users">The collection; its write concern waits for the majority for no longer than <paramref name="MaxTime"/>.</param>
/// <param name="MaxTime">The <c>maxTimeMS</c> of a command.</param>
internal sealed record TimedUsers(IMongoCollection<User> Users, TimeSpan MaxTime);
