using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace UserApi.Api.Users;

/// <summary>A place in an order of users: behind one user and before the next, also when that user has changed or is gone.</summary>
/// <param name="Id">The user's id.</param>
/// <param name="Name">The user's <see cref="SearchKeys.Name"/>, in that order.</param>
/// <param name="Time">The user's time of creation or of the last write, in those orders.</param>
internal sealed record UserPosition(string Id, string Name = "", DateTime Time = default)
{
    // No id holds it.
    private const char Separator = '\0';

    /// <summary>The longest text of a position: a name and an id of the longest, in UTF-8 and then in Base64.</summary>
    public const int MaxTextLength = 1800;

    /// <summary>The place of a user.</summary>
    /// <param name="order">The order.</param>
    /// <param name="id">The user's id.</param>
    /// <param name="name">The user's <see cref="SearchKeys.Name"/>.</param>
    /// <param name="createdAt">When the user was created.</param>
    /// <param name="updatedAt">When the user was last written.</param>
    public static UserPosition Of(UserOrder order, string id, string name, DateTime createdAt, DateTime updatedAt) => order switch
    {
        UserOrder.Name => new(id, name),
        UserOrder.CreatedAt => new(id, Time: createdAt),
        UserOrder.UpdatedAt => new(id, Time: updatedAt),
        _ => new(id),
    };

    /// <summary>What a client is given for the place: the id itself in id order, and otherwise a text that it must not take apart.</summary>
    /// <param name="order">The order.</param>
    public string ToText(UserOrder order) => order == UserOrder.Id
        ? Id
        : Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{Tag(order)}{(order == UserOrder.Name ? Name : Milliseconds)}{Separator}{Id}"));

    /// <summary>Reads what <see cref="ToText"/> made, in the same order.</summary>
    /// <param name="text">The text.</param>
    /// <param name="order">The order.</param>
    /// <param name="position">The place.</param>
    public static bool TryParse(string text, UserOrder order, [NotNullWhen(true)] out UserPosition? position)
    {
        position = null;
        if (order == UserOrder.Id)
        {
            position = UserId.TryParse(text, out var id, out _) ? new(id.Value) : null;
        }
        else if (text.Length is > 0 and <= MaxTextLength && Base64Url.IsValid(text))
        {
            var decoded = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(text));
            var end = decoded.LastIndexOf(Separator);
            if (end > 0 && end < decoded.Length - 1 && decoded[0] == Tag(order))
            {
                var (key, id) = (decoded[1..end], decoded[(end + 1)..]);
                position =
                    order == UserOrder.Name ? new(id, key) :
                    TryReadTime(key, out var time) ? new(id, Time: time) :
                    null;
            }
        }

        return position is not null;
    }

    private long Milliseconds => (long)(Time - DateTime.UnixEpoch).TotalMilliseconds;

    // A place in one order is none in another.
    private static char Tag(UserOrder order) => order switch
    {
        UserOrder.Name => 'n',
        UserOrder.CreatedAt => 'c',
        _ => 'u',
    };

    private static bool TryReadTime(string text, out DateTime time)
    {
        var isTime = long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var milliseconds)
            && milliseconds >= (DateTime.MinValue - DateTime.UnixEpoch).TotalMilliseconds
            && milliseconds <= (DateTime.MaxValue - DateTime.UnixEpoch).TotalMilliseconds;
        time = isTime ? DateTime.UnixEpoch.AddMilliseconds(milliseconds) : default;
        return isTime;
    }
}
