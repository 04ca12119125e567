using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>How a user is written as a MongoDB document, with every element named once, here: renaming a property is no migration.</summary>
internal sealed class UserBsonSerializer : SealedClassSerializerBase<User>
{
    public const string Id = "_id";
    public const string CreatedAt = "createdAt";
    public const string Version = "version";

    private const string Name = "name";
    private const string Email = "email";
    private const string Attributes = "attributes";
    private const string UpdatedAt = "updatedAt";

    /// <summary>The update that makes a document this user, or creates it: all but the id and the time of creation is replaced.</summary>
    public static UpdateDefinition<User> Replace(User user)
    {
        var set = new BsonDocument { { Name, user.Name }, { UpdatedAt, user.UpdatedAt }, { Version, user.Version } };
        var unset = new BsonDocument();
        SetOrUnset(Email, user.Email is null ? null : new BsonString(user.Email));
        SetOrUnset(Attributes, user.Attributes is null ? null : new BsonDocument(user.Attributes.Select(a => new BsonElement(a.Key, a.Value))));

        var update = new BsonDocument { { "$set", set }, { "$setOnInsert", new BsonDocument(CreatedAt, user.CreatedAt) } };
        return unset.ElementCount == 0 ? update : update.Add("$unset", unset);

        void SetOrUnset(string element, BsonValue? value) => (value is null ? unset : set).Add(element, value ?? BsonString.Empty);
    }

    protected override User DeserializeValue(BsonDeserializationContext context, BsonDeserializationArgs args)
    {
        string id = "", name = "", version = "";
        string? email = null;
        Dictionary<string, string>? attributes = null;
        DateTime createdAt = default, updatedAt = default;

        var reader = context.Reader;
        reader.ReadStartDocument();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
        {
            switch (reader.ReadName(Utf8NameDecoder.Instance))
            {
                case Id: id = reader.ReadString(); break;
                case Name: name = reader.ReadString(); break;
                case Email: email = reader.ReadString(); break;
                case Attributes: attributes = ReadAttributes(reader); break;
                case CreatedAt: createdAt = ReadTime(reader); break;
                case UpdatedAt: updatedAt = ReadTime(reader); break;
                case Version: version = reader.ReadString(); break;
                default: reader.SkipValue(); break; // written by a newer version of this program
            }
        }

        reader.ReadEndDocument();
        return new(id, name, email, attributes, createdAt, updatedAt, version);
    }

    private static DateTime ReadTime(IBsonReader reader) => DateTime.UnixEpoch.AddMilliseconds(reader.ReadDateTime());

    private static Dictionary<string, string> ReadAttributes(IBsonReader reader)
    {
        var attributes = new Dictionary<string, string>();
        reader.ReadStartDocument();
        while (reader.ReadBsonType() != BsonType.EndOfDocument)
        {
            attributes.Add(reader.ReadName(Utf8NameDecoder.Instance), reader.ReadString());
        }

        reader.ReadEndDocument();
        return attributes;
    }
}
