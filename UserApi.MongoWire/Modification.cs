using MongoDB.Bson;

namespace UserApi.MongoWire;

/// <summary>One document before and after a write.</summary>
internal readonly record struct Modification(BsonDocument? Before, BsonDocument? After, bool IsChanged);
