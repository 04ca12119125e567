using System.Text;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>What is read of a user to decide whether it is asked for, and where it comes.</summary>
/// <param name="Id">The user's id; empty where it is no text.</param>
/// <param name="Keys">What the user is found by.</param>
/// <param name="CreatedAt">When the user was created.</param>
/// <param name="UpdatedAt">When the user was last written.</param>
internal sealed record UserPlace(string Id, SearchKeys Keys, DateTime CreatedAt, DateTime UpdatedAt)
{
    private static readonly Comparer<string> s_byCodePoints =
        Comparer<string>.Create((x, y) => Encoding.UTF8.GetBytes(x).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y)));

    /// <summary>Reads places of documents.</summary>
    public static ProjectionDefinition<User, UserPlace> Projection { get; } = new ReadProjection();

    /// <summary>The order of a query.</summary>
    public static Comparer<UserPlace> By(UserQuery query) => Comparer<UserPlace>.Create((x, y) => x.CompareTo(y.PositionIn(query.Order), query));

    /// <summary>Whether the user may be asked for.</summary>
    public bool MayMatch(UserQuery query) => query.MayMatch(Keys, UpdatedAt);

    /// <summary>The position in an order.</summary>
    public UserPosition PositionIn(UserOrder order) => UserPosition.Of(order, Id, Keys.Name, CreatedAt, UpdatedAt);

    /// <summary>Whether the place is behind a position, in the order of a query.</summary>
    public bool IsBehind(UserPosition? position, UserQuery query) => position is null || CompareTo(position, query) > 0;

    private int CompareTo(UserPosition other, UserQuery query)
    {
        var own = PositionIn(query.Order);
        var result = s_byCodePoints.Compare(own.Name, other.Name);
        result = result != 0 ? result : own.Time.CompareTo(other.Time);
        result = result != 0 ? result : s_byCodePoints.Compare(own.Id, other.Id);
        return query.IsDescending ? -result : result;
    }

    /// <summary>Asks the server for the fields that <see cref="Serializer"/> reads.</summary>
    private sealed class ReadProjection : ProjectionDefinition<User, UserPlace>
    {
        public override RenderedProjectionDefinition<UserPlace> Render(RenderArgs<User> args) => new(
            new BsonDocument { { StoredKeys.Element, 1 }, { UserBsonSerializer.CreatedAt, 1 }, { UserBsonSerializer.UpdatedAt, 1 } }, new Serializer());
    }

    private sealed class Serializer : SealedClassSerializerBase<UserPlace>
    {
        protected override UserPlace DeserializeValue(BsonDeserializationContext context, BsonDeserializationArgs args)
        {
            var reader = context.Reader;
            var (id, keys, createdAt, updatedAt) = ("", new SearchKeys(null, "", []), DateTime.UnixEpoch, DateTime.UnixEpoch);
            reader.ReadStartDocument();
            while (reader.ReadBsonType() != BsonType.EndOfDocument)
            {
                var name = reader.ReadName(Utf8NameDecoder.Instance);
                if (name == UserBsonSerializer.Id && reader.CurrentBsonType == BsonType.String)
                {
                    id = reader.ReadString();
                }
                else if (name == StoredKeys.Element && reader.CurrentBsonType == BsonType.Document)
                {
                    keys = ReadKeys(reader);
                }
                else if (name == UserBsonSerializer.CreatedAt)
                {
                    createdAt = UserBsonSerializer.ReadTime(reader);
                }
                else if (name == UserBsonSerializer.UpdatedAt)
                {
                    updatedAt = UserBsonSerializer.ReadTime(reader);
                }
                else
                {
                    reader.SkipValue();
                }
            }

            reader.ReadEndDocument();
            return new(id, keys, createdAt, updatedAt);
        }

        private static SearchKeys ReadKeys(IBsonReader reader)
        {
            var (email, userName, attributes) = ((string?)null, "", new List<long>());
            reader.ReadStartDocument();
            while (reader.ReadBsonType() != BsonType.EndOfDocument)
            {
                switch ((reader.ReadName(Utf8NameDecoder.Instance), reader.CurrentBsonType))
                {
                    case ("email", BsonType.String):
                        email = reader.ReadString();
                        break;
                    case ("name", BsonType.String):
                        userName = reader.ReadString();
                        break;
                    case ("attributes", BsonType.Array):
                        reader.ReadStartArray();
                        while (reader.ReadBsonType() != BsonType.EndOfDocument)
                        {
                            attributes.Add(reader.ReadInt64());
                        }

                        reader.ReadEndArray();
                        break;
                    default:
                        reader.SkipValue();
                        break;
                }
            }

            reader.ReadEndDocument();
            return new(email, userName, attributes);
        }
    }
}
