using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>A parsed update: a replacement, or <c>$set</c>, <c>$unset</c> and <c>$setOnInsert</c>.</summary>
internal sealed class Update
{
    private readonly BsonDocument _specification;
    private readonly bool _isReplacement;

    private Update(BsonDocument specification, bool isReplacement) => (_specification, _isReplacement) = (specification, isReplacement);

    /// <exception cref="CommandFailure">The update uses what this server does not support, or contradicts itself.</exception>
    public static Update Parse(BsonValue update)
    {
        if (update is not BsonDocument document)
        {
            throw new CommandFailure(ErrorCode.FailedToParse, "Pipeline-style updates are not supported.");
        }

        var isReplacement = !document.Names.Any(name => name.StartsWith('$'));
        if (!isReplacement)
        {
            Validate(document);
        }

        return new(document, isReplacement);
    }

    /// <summary>Applies the update to <paramref name="current"/>, which it may change, and returns the result.</summary>
    public BsonDocument Apply(BsonDocument current, bool isInsert)
    {
        var id = current.GetValue("_id", null);
        var next = _isReplacement ? Replace(id) : Modify(current, isInsert);
        if (!next.TryGetValue("_id", out var nextId))
        {
            next.InsertAt(0, new("_id", id ?? ObjectId.GenerateNewId()));
        }
        else if (id is not null && !BsonOrder.Simple.Equals(id, nextId))
        {
            throw new CommandFailure(
                ErrorCode.ImmutableField,
                "Performing an update on the path '_id' would modify the immutable field '_id'");
        }

        return next;
    }

    private static void Validate(BsonDocument specification)
    {
        var paths = new List<string>();
        foreach (var (name, fields) in specification.Select(element => (element.Name, element.Value)))
        {
            if (name is not ("$set" or "$unset" or "$setOnInsert"))
            {
                throw new CommandFailure(
                    ErrorCode.FailedToParse,
                    $"Unknown modifier: {name}. Expected a valid update modifier or pipeline-style update specified as an array");
            }

            foreach (var path in fields.AsBsonDocument.Names)
            {
                if (paths.Any(other => IsWithin(path, other) || IsWithin(other, path)))
                {
                    throw new CommandFailure(
                        ErrorCode.ConflictingUpdateOperators,
                        $"Updating the path '{path}' would create a conflict at '{path}'");
                }

                paths.Add(path);
            }
        }

        static bool IsWithin(string path, string other) => $"{path}.".StartsWith($"{other}.", StringComparison.Ordinal);
    }

    /// <summary>The document that contains the last name of <paramref name="path"/>.</summary>
    private static (BsonDocument? Parent, string Name) Locate(BsonDocument document, string path, bool create)
    {
        var names = path.Split('.');
        foreach (var name in names[..^1])
        {
            if (!document.TryGetValue(name, out var child))
            {
                if (!create)
                {
                    return (null, names[^1]);
                }

                document.Add(name, child = new BsonDocument());
            }

            document = child as BsonDocument
                ?? throw new CommandFailure(ErrorCode.PathNotViable, $"Cannot create field '{names[^1]}' in element {{{name}: {child}}}");
        }

        return (document, names[^1]);
    }

    private BsonDocument Replace(BsonValue? id)
    {
        return id is null || _specification.Contains("_id")
            ? new(_specification)
            : new BsonDocument("_id", id).AddRange(_specification);
    }

    private BsonDocument Modify(BsonDocument document, bool isInsert)
    {
        var effective = _specification.Where(element => isInsert || element.Name != "$setOnInsert");
        foreach (var (modifier, fields) in effective.Select(element => (element.Name, element.Value.AsBsonDocument)))
        {
            foreach (var (path, operand) in fields.Select(element => (element.Name, element.Value)))
            {
                var (parent, name) = Locate(document, path, create: modifier != "$unset");
                switch (modifier)
                {
                    case "$unset":
                        parent?.Remove(name);
                        break;
                    default:
                        parent!.Set(name, operand);
                        break;
                }
            }
        }

        return document;
    }
}
