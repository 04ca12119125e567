using System.Text;
using MongoDB.Bson;
using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;

namespace UserApi.MongoWire;

/// <summary>A request from an OP_MSG, or from the OP_QUERY that opens a connection.</summary>
internal readonly record struct WireRequest(int Id, BsonDocument Command, bool IsLegacy, bool NoReply, bool ExhaustAllowed)
{
    public string Name => Command.GetElement(0).Name;
}

/// <summary>The message formats of the wire protocol.</summary>
internal static class WireMessage
{
    public const int HeaderSize = 16;
    public const int MaxSize = 48_000_000;

    private const int OpReply = 1;
    private const int OpQuery = 2004;
    private const int OpMsg = 2013;
    private const int ChecksumPresent = 1 << 0;
    private const int MoreToCome = 1 << 1;
    private const int ExhaustAllowed = 1 << 16;

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads one complete message; the result shares no memory with <paramref name="message"/>.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a message that this server supports.</exception>
    public static WireRequest Parse(byte[] message, int length)
    {
        try
        {
            return ParseMessage(message, length);
        }
        catch (Exception e) when (e is not InvalidDataException)
        {
            // With hostile bytes, the BSON reader throws exceptions of many types.
            throw new InvalidDataException("The message is malformed.", e);
        }
    }

    /// <summary>Writes <paramref name="reply"/> as a message to <paramref name="stream"/>, whose content it overwrites.</summary>
    public static void WriteReply(BsonStream stream, int id, int responseTo, BsonDocument reply, bool isLegacy, bool moreToCome)
    {
        stream.Position = 0;
        stream.SetLength(0);
        stream.WriteInt32(0);
        stream.WriteInt32(id);
        stream.WriteInt32(responseTo);
        if (isLegacy)
        {
            stream.WriteInt32(OpReply);
            stream.WriteInt32(8); // AwaitCapable, as every server since 2.2
            stream.WriteInt64(0); // no cursor
            stream.WriteInt32(0); // starting from
            stream.WriteInt32(1); // documents
        }
        else
        {
            stream.WriteInt32(OpMsg);
            stream.WriteInt32(moreToCome ? MoreToCome : 0);
            stream.WriteByte(0);
        }

        using (var writer = new BsonBinaryWriter(stream))
        {
            WriteValue(writer, BsonSerializationContext.CreateRoot(writer), reply);
        }

        var length = (int)stream.Position;
        stream.Position = 0;
        stream.WriteInt32(length);
        stream.Position = length;
    }

    private static WireRequest ParseMessage(byte[] message, int length)
    {
        using var stream = new ByteBufferStream(new ByteArrayBuffer(message, length, isReadOnly: true));
        stream.Position = 4;
        var id = stream.ReadInt32();
        stream.Position = 12;

        return stream.ReadInt32() switch
        {
            OpMsg => ParseMsg(stream, id, length),
            OpQuery => ParseQuery(stream, id),
            var code => throw new InvalidDataException($"Operation code {code} is not known."),
        };
    }

    private static WireRequest ParseMsg(ByteBufferStream stream, int id, int length)
    {
        var flags = stream.ReadInt32();
        if ((flags & 0xFFFF & ~(ChecksumPresent | MoreToCome)) != 0)
        {
            throw new InvalidDataException($"Required flags {flags:x} are not known.");
        }

        var end = (flags & ChecksumPresent) == 0 ? length : length - 4;
        BsonDocument? command = null;
        List<BsonElement>? sequences = null;
        while (stream.Position < end)
        {
            switch (stream.ReadByte())
            {
                case 0 when command is null:
                    command = ReadDocument(stream);
                    break;
                case 1:
                    (sequences ??= []).Add(ReadSequence(stream));
                    break;
                case var kind:
                    throw new InvalidDataException($"A section of kind {kind} is not expected.");
            }
        }

        if (command is not { ElementCount: > 0 })
        {
            throw new InvalidDataException("A message without a command.");
        }

        if (sequences is not null)
        {
            command.AddRange(sequences);
        }

        return new(id, command, IsLegacy: false, NoReply: (flags & MoreToCome) != 0, ExhaustAllowed: (flags & ExhaustAllowed) != 0);
    }

    private static BsonElement ReadSequence(ByteBufferStream stream)
    {
        var end = stream.Position + stream.ReadInt32();
        var name = stream.ReadCString(s_utf8);
        var documents = new BsonArray();
        while (stream.Position < end)
        {
            documents.Add(ReadDocument(stream));
        }

        return new(name, documents);
    }

    private static WireRequest ParseQuery(ByteBufferStream stream, int id)
    {
        stream.ReadInt32(); // flags
        var database = stream.ReadCString(s_utf8).Split('.')[0];
        stream.ReadInt64(); // skip and limit
        var query = ReadDocument(stream);
        var command = query.TryGetValue("$query", out var wrapped) ? wrapped.AsBsonDocument : query;

        return command.ElementCount > 0
            ? new(id, command.Set("$db", database), IsLegacy: true, NoReply: false, ExhaustAllowed: false)
            : throw new InvalidDataException("A query without a command.");
    }

    private static BsonDocument ReadDocument(ByteBufferStream stream)
    {
        using var reader = new BsonBinaryReader(stream);

        return BsonDocumentSerializer.Instance.Deserialize(BsonDeserializationContext.CreateRoot(reader));
    }

    // Copies the bytes of a RawBsonDocument, which makes a find cheap: BsonDocumentSerializer would write element by element.
    private static void WriteValue(BsonBinaryWriter writer, BsonSerializationContext context, BsonValue value)
    {
        switch (value)
        {
            case RawBsonDocument raw:
                writer.WriteRawBsonDocument(raw.Slice);
                break;
            case BsonDocument document:
                writer.WriteStartDocument();
                foreach (var element in document)
                {
                    writer.WriteName(element.Name);
                    WriteValue(writer, context, element.Value);
                }

                writer.WriteEndDocument();
                break;
            case BsonArray array:
                writer.WriteStartArray();
                foreach (var item in array)
                {
                    WriteValue(writer, context, item);
                }

                writer.WriteEndArray();
                break;
            default:
                BsonValueSerializer.Instance.Serialize(context, value);
                break;
        }
    }
}
