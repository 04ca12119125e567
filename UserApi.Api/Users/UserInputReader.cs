using System.Buffers;
using System.Text;
using System.Text.Json;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>Reads <see cref="UserInput"/> from JSON and validates it.</summary>
internal static class UserInputReader
{
    /// <summary>422, as an example.</summary>
    internal static Problem NoName { get; } = Problem.Invalid("name", "name must be given.");

    private static readonly SearchValues<char> s_attributeKey = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Reads a whole user. A member that is null counts as absent.</summary>
    /// <param name="json">The request's body.</param>
    /// <param name="errors">What is wrong, by member; empty when the input is returned.</param>
    public static UserInput? Read(JsonElement json, out Dictionary<string, string[]> errors) => Read(json, null, out errors);

    /// <summary>Applies a JSON Merge Patch (RFC 7396): a member that is null is removed.</summary>
    /// <param name="current">What the user has now.</param>
    /// <param name="patch">The request's body.</param>
    /// <param name="errors">What is wrong with the patch or its result, by member; empty when the input is returned.</param>
    public static UserInput? Merge(this UserInput current, JsonElement patch, out Dictionary<string, string[]> errors) => Read(patch, current, out errors);

    /// <summary>Whether a text can be the key of an attribute.</summary>
    public static bool IsAttributeKey(string key) =>
        key.Length is > 0 and <= UserInput.MaxAttributeKeyLength && !key.AsSpan().ContainsAnyExcept(s_attributeKey);

    /// <summary>Whether a text has more code points than a length.</summary>
    public static bool IsLongerThan(int length, string text) =>
        text.Length > length && (text.Length > 2 * length || text.EnumerateRunes().Count() > length);

    private static UserInput? Read(JsonElement json, UserInput? current, out Dictionary<string, string[]> errors)
    {
        errors = [];
        if (json.ValueKind != JsonValueKind.Object)
        {
            errors["body"] = ["The body must be a JSON object."];
            return null;
        }

        var name = ReadString(json, "name", current?.Name, errors);
        if (!errors.ContainsKey("name") && CheckName(name) is { } nameError)
        {
            errors["name"] = [nameError];
        }

        var email = ReadString(json, "email", current?.Email, errors);
        if (email?.Length > EmailAddress.MaxLength)
        {
            errors["email"] = [$"email must have at most {EmailAddress.MaxLength} characters."];
        }
        else if (email is not null && !EmailAddress.IsValid(email))
        {
            errors["email"] = ["email must be an e-mail address such as ana@example.org."];
        }

        var attributes = ReadAttributes(json, current, errors);
        return errors.Count == 0 ? new(name!, email, attributes) : null;
    }

    private static string? ReadString(JsonElement json, string member, string? current, Dictionary<string, string[]> errors)
    {
        if (!json.TryGetProperty(member, out var value))
        {
            return current;
        }

        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (TryGetString(value, out var text))
        {
            return text;
        }

        errors[member] = [$"{member} must be a string of valid Unicode."];
        return null;
    }

    private static Dictionary<string, string>? ReadAttributes(JsonElement json, UserInput? current, Dictionary<string, string[]> errors)
    {
        var attributes = current?.Attributes is { } present ? new Dictionary<string, string>(present) : [];
        if (json.TryGetProperty("attributes", out var value))
        {
            switch (value.ValueKind)
            {
                case JsonValueKind.Null:
                    return null;
                case JsonValueKind.Object:
                    ReadEntries(value, attributes, nullRemoves: current is not null, errors);
                    break;
                default:
                    errors["attributes"] = ["attributes must be an object of strings."];
                    break;
            }
        }

        if (attributes.Count > UserInput.MaxAttributes)
        {
            errors["attributes"] = [$"attributes must have at most {UserInput.MaxAttributes} members."];
        }

        return attributes.Count == 0 ? null : attributes;
    }

    private static void ReadEntries(
        JsonElement json, Dictionary<string, string> attributes, bool nullRemoves, Dictionary<string, string[]> errors)
    {
        foreach (var entry in json.EnumerateObject())
        {
            var key = entry.Name;
            if (nullRemoves && entry.Value.ValueKind == JsonValueKind.Null)
            {
                attributes.Remove(key);
            }
            else if (!IsAttributeKey(key))
            {
                errors["attributes"] = [$"attributes: the key '{Shorten(key)}' must have 1 to {UserInput.MaxAttributeKeyLength} characters out of A-Z, a-z, 0-9 and ._-"];
            }
            else if (!TryGetString(entry.Value, out var text))
            {
                errors[$"attributes.{key}"] = [$"attributes.{key} must be a string of valid Unicode."];
            }
            else if (IsLongerThan(UserInput.MaxAttributeValueLength, text))
            {
                errors[$"attributes.{key}"] = [$"attributes.{key} must have at most {UserInput.MaxAttributeValueLength} characters."];
            }
            else if (InvisibleText.Find(text, allowLineBreaks: true) is { } invisible)
            {
                errors[$"attributes.{key}"] = [Invisible($"attributes.{key}", invisible)];
            }
            else
            {
                attributes[key] = text;
            }
        }
    }

    private static bool TryGetString(JsonElement value, out string text)
    {
        text = "";
        if (value.ValueKind != JsonValueKind.String)
        {
            return false;
        }

        try
        {
            text = value.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            // An escaped lone surrogate, such as "\ud800": JSON allows it, Unicode text does not.
            return false;
        }
    }

    private static string? CheckName(string? name) => name switch
    {
        null => "name must be given.",
        _ when InvisibleText.IsBlank(name) => "name must not be blank.",
        _ when IsLongerThan(UserInput.MaxNameLength, name) => $"name must have at most {UserInput.MaxNameLength} characters.",
        _ when InvisibleText.Find(name, allowLineBreaks: false) is { } invisible => Invisible("name", invisible),
        _ => null,
    };

    // A key may be as long as the body.
    private static string Shorten(string key) => key.Length <= UserInput.MaxAttributeKeyLength ? key : $"{key.AsSpan(0, UserInput.MaxAttributeKeyLength)}…";

    private static string Invisible(string what, Rune character) => $"{what} must not contain U+{character.Value:X4}, which cannot be seen.";
}
