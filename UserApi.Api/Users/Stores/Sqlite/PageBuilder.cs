namespace UserApi.Api.Users.Stores.Sqlite;

/// <summary>Takes users until a page is full.</summary>
/// <param name="limit">How many users at the most.</param>
internal sealed class PageBuilder(int limit)
{
    private int _bytes;

    /// <summary>The users that were taken.</summary>
    public List<User> Users { get; } = [];

    /// <summary>Takes a user. The first one costs nothing, so that every user is on some page.</summary>
    /// <returns>Whether the page had room for it.</returns>
    public bool TryAdd(User user)
    {
        _bytes += Users.Count == 0 ? 0 : user.TextLength;
        if (Users.Count == limit || _bytes > UserPage.MaxBytes)
        {
            return false;
        }

        Users.Add(user);
        return true;
    }
}
