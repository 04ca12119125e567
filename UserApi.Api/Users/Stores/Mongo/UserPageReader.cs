using MongoDB.Bson.IO;
using MongoDB.Bson.Serialization;
using MongoDB.Bson.Serialization.Serializers;
using MongoDB.Driver;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// Reads pages that are bounded in bytes, and no more from the server than they need: how many documents a command asks for follows from
/// the size of those that were read before. Each command is a <c>find</c> of its own, so that no cursor stays open on the server.
/// </summary>
/// <param name="unreadable">Counts what is left out.</param>
internal sealed class UserPageReader(UnreadableUsers unreadable)
{
    private const int MaxDocuments = 201;

    private static readonly SortDefinition<User> s_byId = Builders<User>.Sort.Ascending(UserBsonSerializer.Id);

    // The size of a document as BSON, as far as it is known. As it is at first, fifty users and one more are asked for.
    private int _meanBytes = UserPage.MaxBytes / 50;

    /// <summary>Reads a page.</summary>
    /// <param name="after">Only users with a greater id are read; the empty string for the start.</param>
    /// <param name="limit">How many users at the most.</param>
    /// <param name="users">The collection.</param>
    /// <param name="budget">The operation's time.</param>
    public async Task<UserPage> ReadAsync(string after, int limit, MongoUsers users, OperationBudget budget)
    {
        var page = new List<User>();
        var serializer = new ItemSerializer();

        // One user more than asked for tells whether there is a next page.
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

            // Where almost nothing is a user, a page ends before its time does.
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

        // A comparison finds values of the same type only: ids that are no strings are not read at all.
        var before = serializer.BytesRead;
        using var cursor = await users.Users.FindAsync(Builders<User>.Filter.Gt(UserBsonSerializer.Id, after), options, cancellationToken);
        var items = await cursor.ToListAsync(cancellationToken);
        if (items.Count > 0)
        {
            // Greater documents count at once, smaller ones by halves: reading too many costs more than asking again.
            var mean = Math.Max(1, (int)((serializer.BytesRead - before) / items.Count));
            _meanBytes = mean > _meanBytes ? mean : (_meanBytes + mean) / 2;
        }

        return items;
    }

    /// <summary>A document that was read.</summary>
    /// <param name="Id">Its id, if that is a string.</param>
    /// <param name="User">The user; null when the document is none.</param>
    /// <param name="IsBeyondPage">Whether the page was full already, and the document was not looked at.</param>
    private readonly record struct Item(string? Id, User? User, bool IsBeyondPage);

    /// <summary>Makes users of documents until a page is full, and skips the rest: it may be many times as large.</summary>
    private sealed class ItemSerializer : StructSerializerBase<Item>
    {
        private bool _isFirst = true;

        /// <summary>How many bytes of text the page can still hold; negative when a user was met that did not fit.</summary>
        public int BytesLeft { get; private set; } = UserPage.MaxBytes;

        /// <summary>The size of the documents, those that were skipped included.</summary>
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

            // The first user of a page costs nothing, so that every user is on some page.
            BytesLeft -= _isFirst ? 0 : user.TextLength;
            _isFirst = false;
            return new(id, user, IsBeyondPage: BytesLeft < 0);
        }
    }
}
