using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// Reads pages that are limited in bytes, and no more documents than they need: how many a command requests follows from the size of those
/// that were read before. Each command is a separate <c>find</c>, so that no cursor stays open on the server.
/// </summary>
/// <param name="unreadable">Counts unreadable users, which are left out.</param>
internal sealed class UserPageReader(UnreadableUsers unreadable)
{
    private const int MaxDocuments = 201;

    private static readonly SortDefinition<User> s_byId = Builders<User>.Sort.Ascending(UserBsonSerializer.Id);

    // The estimated size of a document as BSON. With the initial value, fifty-one users are requested.
    private int _meanBytes = UserPage.MaxBytes / 50;

    /// <summary>Reads a page.</summary>
    /// <param name="after">Only users with a greater id are read; empty for the first page.</param>
    /// <param name="limit">The maximum number of users.</param>
    /// <param name="users">The collection.</param>
    /// <param name="budget">The operation's budget.</param>
    public async Task<UserPage> ReadAsync(string after, int limit, MongoUsers users, OperationBudget budget)
    {
        var page = new List<User>();
        var serializer = new ItemSerializer();

        // One more user than requested shows whether there is a next page.
        var count = Math.Min(limit, serializer.BytesLeft / _meanBytes) + 1;
        while (true)
        {
            var items = await ReadAsync(after, count, serializer, users.For(budget), budget.Token);
            var found = 0;
            foreach (var (id, user, isBeyondPage) in items)
            {
                if (isBeyondPage || (user is not null && page.Count == limit))
                {
                    return new(page, page[^1].Id);
                }

                after = id ?? after;
                if (user is null)
                {
                    unreadable.Add(1);
                }
                else
                {
                    page.Add(user);
                    found++;
                }
            }

            if (items.Count < count)
            {
                return new(page, null);
            }

            // If hardly any document is a user, the page ends before its timeout.
            if (budget.IsHalfSpent && UserId.TryParse(after, out _, out _))
            {
                return new(page, after);
            }

            count = found > 0 ? Math.Min(limit - page.Count, serializer.BytesLeft / _meanBytes) + 1 : MaxDocuments;
        }
    }

    private async Task<List<Item>> ReadAsync(
        string after, int count, ItemSerializer serializer, TimedUsers users, CancellationToken cancellationToken)
    {
        var options = new FindOptions<User, Item>
        {
            Sort = s_byId,
            Limit = count,
            BatchSize = count,
            MaxTime = users.MaxTime,
            Projection = Builders<User>.Projection.As(serializer),
        };

        // A comparison matches values of the same type only, so ids that are not strings are never read.
        var before = serializer.BytesRead;
        using var cursor = await users.Users.FindAsync(Builders<User>.Filter.Gt(UserBsonSerializer.Id, after), options, cancellationToken);
        var items = await cursor.ToListAsync(cancellationToken);
        if (items.Count > 0)
        {
            // A larger size counts at once, a smaller one by half: reading too many documents costs more than another command.
            var mean = Math.Max(1, (int)((serializer.BytesRead - before) / items.Count));
            _meanBytes = mean > _meanBytes ? mean : (_meanBytes + mean) / 2;
        }

        return items;
    }

    /// <summary>A document of a command's reply.</summary>
    /// <param name="Id">The document's id, if that is a string.</param>
    /// <param name="User">The user; null if the document is not a user.</param>
    /// <param name="IsBeyondPage">Whether the page was already full, so that the document was skipped.</param>
    private readonly record struct Item(string? Id, User? User, bool IsBeyondPage);

    /// <summary>Reads documents as users until a page is full, and skips the rest, which may be many times as large.</summary>
    private sealed class ItemSerializer : StructSerializerBase<Item>
    {
        private bool _isFirst = true;

        /// <summary>How many bytes of text are left in the page; negative if a user did not fit.</summary>
        public int BytesLeft { get; private set; } = UserPage.MaxBytes;

        /// <summary>The size of the documents, including skipped ones.</summary>
        public long BytesRead { get; private set; }

        public override Item Deserialize(BsonDeserializationContext context, BsonDeserializationArgs args)
        {
            var stream = ((BsonBinaryReader)context.Reader).BaseStream;
            var start = stream.Position;
            var item = Read(context.Reader);
            BytesRead += stream.Position - start;
            return item;
        }

        private Item Read(IBsonReader reader)
        {
            if (BytesLeft < 0)
            {
                reader.SkipValue();
                return new(null, null, IsBeyondPage: true);
            }

            var user = UserBsonSerializer.Read(reader, out var id);
            if (user is null || !UserId.TryParse(user.Id, out _, out _))
            {
                return new(id, null, IsBeyondPage: false);
            }

            // The first user of a page is not counted, so that every user is on some page.
            BytesLeft -= _isFirst ? 0 : user.TextLength;
            _isFirst = false;
            return new(id, user, IsBeyondPage: BytesLeft < 0);
        }
    }
}
