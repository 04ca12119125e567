namespace UserApi.Api.Users;

/// <summary>The examples of the documentation.</summary>
internal static class UserExamples
{
    public static UserInput Input { get; } = new("Ana Lima", "ana@example.org", new Dictionary<string, string> { ["team"] = "blue" });

    public static UserPatch Patch { get; } = new() { ["attributes"] = new Dictionary<string, string> { ["team"] = "red" } };

    public static User User { get; } = User.Create(Id("ana"), Input, new(2026, 1, 31, 9, 30, 0, 125, TimeSpan.Zero)) with
    {
        UpdatedAt = new(2026, 2, 1, 18, 5, 10, 500, DateTimeKind.Utc),
    };

    public static UserPage Page { get; } = new([User], "ana");

    private static UserId Id(string text) => UserId.TryParse(text, out var id, out var error) ? id : throw new ArgumentException(error, nameof(text));
}
