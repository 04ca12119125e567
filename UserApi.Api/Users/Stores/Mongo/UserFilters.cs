using MongoDB.Bson;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>The filters that the store sends.</summary>
internal static class UserFilters
{
    private static readonly FilterDefinitionBuilder<User> s_filter = Builders<User>.Filter;

    /// <summary>One user.</summary>
    public static FilterDefinition<User> ById(string id) => s_filter.Eq(UserBsonSerializer.Id, id);

    /// <summary>One user, if it is there and satisfies a precondition.</summary>
    public static FilterDefinition<User> Existing(UserId id, Precondition precondition)
    {
        var filter = WithoutKnown(id, precondition);
        if (precondition.IfMatch is { } match && match != EntityTagSet.Any)
        {
            filter &= s_filter.In(UserBsonSerializer.Version, match.Versions);
        }

        return precondition.IfNoneMatch == EntityTagSet.Any ? filter & s_filter.In(UserBsonSerializer.Version, Array.Empty<string>()) : filter;
    }

    /// <summary>
    /// One user, for an upsert under a precondition without <c>If-Match</c>. The fields of the document that an upsert inserts come from the
    /// equalities of the query as the server has optimised it (mongod, jstests/core/write/update/upsert_fields.js), so the filter holds
    /// nothing that can be reduced: an empty <c>$in</c> makes the whole query <c>$alwaysFalse</c>, and its <c>_id</c> is lost.
    /// </summary>
    public static FilterDefinition<User> Upserted(UserId id, Precondition precondition) => WithoutKnown(id, precondition);

    /// <summary>
    /// The same, but only if the write changes anything: a document with the same members is not matched, so that the upsert collides with it on
    /// <c>_id</c>. The filter has no equality but that of <c>_id</c>: <c>$ne</c> is none, nor is what stands in a <c>$or</c> of several
    /// (mongod, jstests/core/write/update/upsert_fields.js).
    /// </summary>
    /// <param name="filter">Which user.</param>
    /// <param name="members">What is to be written, see <see cref="UserBsonSerializer.Members"/>.</param>
    public static FilterDefinition<User> Differing(FilterDefinition<User> filter, BsonDocument members) =>
        filter & new BsonDocument("$or", new BsonArray(members.Select(member => new BsonDocument(member.Name, new BsonDocument("$ne", member.Value)))));

    private static FilterDefinition<User> WithoutKnown(UserId id, Precondition precondition) =>
        precondition.IfNoneMatch is { Versions: { Count: > 0 } known }
            ? ById(id.Value) & s_filter.Nin(UserBsonSerializer.Version, known)
            : ById(id.Value);
}
