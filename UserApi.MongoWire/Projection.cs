using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>A projection of top-level fields, all included or all excluded.</summary>
internal static class Projection
{
    public static Func<BsonDocument, BsonDocument>? Parse(BsonDocument? projection)
    {
        if (projection is not { ElementCount: > 0 })
        {
            return null;
        }

        foreach (var field in projection)
        {
            if (field.Name.Contains('.') || field.Name.StartsWith('$') || !(field.Value.IsNumeric || field.Value.IsBoolean))
            {
                throw new CommandFailure(ErrorCode.BadValue, $"The projection {projection} is not supported.");
            }
        }

        var fields = projection.Where(field => field.Name != "_id").ToArray();
        var withId = projection.GetValue("_id", true).ToBoolean();
        var includes = fields.Length == 0 ? projection["_id"].ToBoolean() : fields[0].Value.ToBoolean();
        if (fields.Any(field => field.Value.ToBoolean() != includes))
        {
            throw new CommandFailure(ErrorCode.BadValue, $"The projection {projection} both includes and excludes.");
        }

        var names = fields.Select(field => field.Name).ToHashSet();

        return document => new(document.Where(element => element.Name == "_id" ? withId : names.Contains(element.Name) == includes));
    }
}
