using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// How a user is written as a MongoDB document. Every element is named here, once: renaming a C# property leaves stored documents unchanged.
/// </summary>
/// <remarks>
/// Other programs may have put documents into the collection. A document whose id, name, e-mail address or attributes do not have the types that this
/// program writes is not a user and is read as null: if a part of it were returned, the next write would lose the rest. A missing time is
/// <see cref="DateTime.UnixEpoch"/>. A missing version is derived from the content, see <see cref="IsVersion"/>.
/// </remarks>
internal sealed class UserBsonSerializer : SealedClassSerializerBase<User>
{
    public const string Id = "_id";
    public const string CreatedAt = "createdAt";
    public const string Version = "version";

    public const string UpdatedAt = "updatedAt";

    private const string Name = "name";
    private const string Email = "email";
    private const string Attributes = "attributes";
    private const string ContentPrefix = "content-";

    // The opaque part of an entity tag (RFC 9110 section 8.8.3), without the characters beyond ASCII.
    private static readonly SearchValues<char> s_tag =
        SearchValues.Create("!" + string.Concat(Enumerable.Range('#', '~' - '#' + 1).Select(c => (char)c)));

    /// <summary>All elements that a client writes; null for absent members.</summary>
    public static BsonDocument Members(User user) => new()
    {
        { Name, user.Name },
        { Email, Optional(user.Email) },
        { Attributes, user.Attributes is null ? BsonNull.Value : new BsonDocument(user.Attributes.Select(a => new BsonElement(a.Key, a.Value))) },
    };

    /// <summary>The update that replaces or creates the document of this user, except its id and its time of creation.</summary>
    /// <param name="user">The user.</param>
    /// <param name="members">Its <see cref="Members"/>.</param>
    public static UpdateDefinition<User> Replace(User user, BsonDocument members)
    {
        var set = new BsonDocument { { UpdatedAt, user.UpdatedAt }, { Version, user.Version }, { StoredKeys.Element, StoredKeys.Of(user) } };
        set.AddRange(members.Where(member => !member.Value.IsBsonNull));
        var unset = new BsonDocument(members.Where(member => member.Value.IsBsonNull).Select(member => new BsonElement(member.Name, BsonString.Empty)));

        var update = new BsonDocument { { "$set", set }, { "$setOnInsert", new BsonDocument(CreatedAt, user.CreatedAt) } };
        return unset.ElementCount == 0 ? update : update.Add("$unset", unset);
    }

    /// <summary>The update that creates this user, and does not change an existing one.</summary>
    public static UpdateDefinition<User> Create(User user, BsonDocument members) => new BsonDocument("$setOnInsert", new BsonDocument
    {
        { UpdatedAt, user.UpdatedAt }, { Version, user.Version }, { CreatedAt, user.CreatedAt }, { StoredKeys.Element, StoredKeys.Of(user) },
    }.AddRange(members.Where(member => !member.Value.IsBsonNull)));

    /// <summary>
    /// Whether a document has a version that can be an entity tag. Otherwise the version of the user is derived from the content: it
    /// changes when the content changes, and no filter can find it.
    /// </summary>
    /// <param name="version">The document's member; null when it has none.</param>
    public static bool IsVersion(BsonValue? version) => version is BsonString { Value: var text } && IsTag(text);

    /// <summary>Whether a precondition contains a version that was derived from content.</summary>
    public static bool NamesContent(Precondition precondition) => NamesContent(precondition.IfMatch) || NamesContent(precondition.IfNoneMatch);

    /// <summary>The time of creation of a document that was read, <see cref="DateTime.UnixEpoch"/> when it has none.</summary>
    public static DateTime CreatedAtOf(BsonDocument document) =>
        document.GetValue(CreatedAt, BsonNull.Value) is BsonDateTime time ? TimeOf(time.MillisecondsSinceEpoch) : DateTime.UnixEpoch;

    /// <summary>The time of the last write of a document that has one.</summary>
    public static DateTime UpdatedAtOf(BsonDocument document) => TimeOf(document[UpdatedAt].AsBsonDateTime.MillisecondsSinceEpoch);

    /// <summary>Reads a document.</summary>
    /// <param name="reader">Stands before the document.</param>
    /// <param name="id">Its id, if that is a string.</param>
    /// <returns>The user; null when the document is none.</returns>
    public static User? Read(IBsonReader reader, out string? id)
    {
        (id, string? name, string? email, var version) = (null, null, null, "");
        Dictionary<string, string>? attributes = null;
        DateTime createdAt = DateTime.UnixEpoch, updatedAt = DateTime.UnixEpoch;
        var isUser = true;

        reader.ReadStartDocument();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
        {
            switch (reader.ReadName(Utf8NameDecoder.Instance))
            {
                case Id: id = ReadString(reader, ref isUser); break;
                case Name: name = ReadString(reader, ref isUser); break;
                case Email: email = ReadString(reader, ref isUser); break;
                case Attributes: attributes = ReadAttributes(reader, ref isUser); break;
                case CreatedAt: createdAt = ReadTime(reader); break;
                case UpdatedAt: updatedAt = ReadTime(reader); break;
                case Version when reader.CurrentBsonType == BsonType.String: version = reader.ReadString(); break;
                default: reader.SkipValue(); break; // index keys, and what a newer version of this program or another program wrote
            }
        }

        reader.ReadEndDocument();
        if (!isUser || id is null || name is null)
        {
            return null;
        }

        var user = new User(id, name, email, attributes, createdAt, updatedAt, version);
        return IsTag(version) ? user : user with { Version = VersionOfContent(user) };
    }

    protected override User DeserializeValue(BsonDeserializationContext context, BsonDeserializationArgs args) => Read(context.Reader, out _)!;

    private static BsonValue Optional(string? text) => text is null ? BsonNull.Value : new BsonString(text);

    /// <summary>Reads a string, or null.</summary>
    private static string? ReadString(IBsonReader reader, ref bool isUser)
    {
        if (reader.CurrentBsonType == BsonType.String)
        {
            return reader.ReadString();
        }

        isUser &= reader.CurrentBsonType == BsonType.Null;
        reader.SkipValue();
        return null;
    }

    private static Dictionary<string, string>? ReadAttributes(IBsonReader reader, ref bool isUser)
    {
        if (reader.CurrentBsonType != BsonType.Document)
        {
            isUser &= reader.CurrentBsonType == BsonType.Null;
            reader.SkipValue();
            return null;
        }

        var attributes = new Dictionary<string, string>();
        reader.ReadStartDocument();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
        {
            var key = reader.ReadName(Utf8NameDecoder.Instance);
            var value = ReadString(reader, ref isUser);
            isUser &= value is not null && attributes.TryAdd(key, value);
        }

        reader.ReadEndDocument();
        return attributes;
    }

    /// <summary>Reads a time; <see cref="DateTime.UnixEpoch"/> where there is another value.</summary>
    public static DateTime ReadTime(IBsonReader reader)
    {
        if (reader.CurrentBsonType == BsonType.DateTime)
        {
            return TimeOf(reader.ReadDateTime());
        }

        reader.SkipValue();
        return DateTime.UnixEpoch;
    }

    // BSON can contain times that DateTime cannot represent.
    private static DateTime TimeOf(long milliseconds) =>
        milliseconds >= BsonConstants.DateTimeMinValueMillisecondsSinceEpoch && milliseconds <= BsonConstants.DateTimeMaxValueMillisecondsSinceEpoch
            ? DateTime.UnixEpoch.AddMilliseconds(milliseconds)
            : DateTime.UnixEpoch;

    private static bool NamesContent(EntityTagSet? set) => set?.Versions.Any(version => version.StartsWith(ContentPrefix, StringComparison.Ordinal)) == true;

    private static bool IsTag(string version) => version.Length > 0 && !version.AsSpan().ContainsAnyExcept(s_tag);

    private static string VersionOfContent(User user)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(user, UserJson.Default.User));
        hash.AppendData(Encoding.UTF8.GetBytes(user.Version));
        return ContentPrefix + Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
