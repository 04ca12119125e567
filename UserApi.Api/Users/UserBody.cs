using System.Buffers;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using System.Text.Json;
using Microsoft.OpenApi;
using UserApi.Api.Docs;
using UserApi.Api.Http;

namespace UserApi.Api.Users;

/// <summary>What a client writes of a user. Other members are ignored, unless the client asks for strictness, see <see cref="UserMembers"/>.</summary>
/// <param name="Name">The display name: 1 to 200 characters, not blank, none invisible (see <see cref="InvisibleText.Find"/>).</param>
/// <param name="Email">An e-mail address of at most 254 characters (RFC 5321, RFC 6531), none invisible, or nothing.</param>
/// <param name="Attributes">
/// At most 32 strings by key. A key has 1 to 64 characters out of <c>A-Za-z0-9._-</c>, a value at most 1,024 characters, none invisible but tabs
/// and line breaks.
/// </param>
public sealed record UserBody(
    [property: Description("The display name: not blank, no invisible characters."), StringLength(UserBody.MaxNameLength, MinimumLength = 1)] string Name,
    [property: Description("An e-mail address (RFC 5321, RFC 6531), no invisible characters."), DataType("idn-email"), StringLength(UserBody.MaxEmailLength, MinimumLength = 3)] string? Email = null,
    [property: AttributesSchema] IReadOnlyDictionary<string, string>? Attributes = null)
{
    /// <summary>The greatest length of a name, in Unicode code points.</summary>
    public const int MaxNameLength = 200;

    /// <summary>The greatest length of an e-mail address, in UTF-16 code units.</summary>
    public const int MaxEmailLength = 254;

    /// <summary>The greatest number of attributes.</summary>
    public const int MaxAttributes = 32;

    /// <summary>The greatest length of an attribute's key.</summary>
    public const int MaxAttributeKeyLength = 64;

    /// <summary>The greatest length of an attribute's value, in Unicode code points.</summary>
    public const int MaxAttributeValueLength = 1024;

    /// <summary>422, as an example.</summary>
    internal static Problem NoName { get; } = Problem.Invalid("name", "name must be given.");

    private const string EmailPunctuation = "!#$%&'*+-/=?^_`{|}~";

    private static readonly SearchValues<char> s_attributeKey = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

    /// <summary>Reads a whole user. A member that is null counts as absent.</summary>
    /// <param name="json">The request's body.</param>
    /// <param name="errors">What is wrong, by member; empty when the body is returned.</param>
    public static UserBody? Read(JsonElement json, out Dictionary<string, string[]> errors) => Read(json, null, out errors);

    /// <summary>Applies a JSON Merge Patch (RFC 7396) to this body: a member that is null is removed.</summary>
    /// <param name="patch">The request's body.</param>
    /// <param name="errors">What is wrong with the patch or its result, by member; empty when the body is returned.</param>
    public UserBody? Merge(JsonElement patch, out Dictionary<string, string[]> errors) => Read(patch, this, out errors);

    private static UserBody? Read(JsonElement json, UserBody? current, out Dictionary<string, string[]> errors)
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
        if (email is not null && CheckEmail(email) is { } emailError)
        {
            errors["email"] = [emailError];
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

    private static Dictionary<string, string>? ReadAttributes(JsonElement json, UserBody? current, Dictionary<string, string[]> errors)
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

        if (attributes.Count > MaxAttributes)
        {
            errors["attributes"] = [$"attributes must have at most {MaxAttributes} members."];
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
            else if (key.Length is 0 or > MaxAttributeKeyLength || key.AsSpan().ContainsAnyExcept(s_attributeKey))
            {
                errors["attributes"] = [$"attributes: the key '{Shorten(key)}' must have 1 to {MaxAttributeKeyLength} characters out of A-Z, a-z, 0-9 and ._-"];
            }
            else if (!TryGetString(entry.Value, out var text))
            {
                errors[$"attributes.{key}"] = [$"attributes.{key} must be a string of valid Unicode."];
            }
            else if (IsLongerThan(MaxAttributeValueLength, text))
            {
                errors[$"attributes.{key}"] = [$"attributes.{key} must have at most {MaxAttributeValueLength} characters."];
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
        _ when IsLongerThan(MaxNameLength, name) => $"name must have at most {MaxNameLength} characters.",
        _ when InvisibleText.Find(name, allowLineBreaks: false) is { } invisible => Invisible("name", invisible),
        _ => null,
    };

    // A key may be as long as a body.
    private static string Shorten(string key) => key.Length <= MaxAttributeKeyLength ? key : $"{key.AsSpan(0, MaxAttributeKeyLength)}…";

    private static string Invisible(string what, Rune character) => $"{what} must not contain U+{character.Value:X4}, which cannot be seen.";

    private static string? CheckEmail(string email)
    {
        var at = email.LastIndexOf('@');
        return email.Length > MaxEmailLength
            ? $"email must have at most {MaxEmailLength} characters."
            : at is > 0 and <= 64 && AreAtoms(email[..at], EmailPunctuation) && IsDomain(email[(at + 1)..])
            ? null
            : "email must be an e-mail address such as ana@example.org.";
    }

    private static bool IsDomain(string domain) =>
        AreAtoms(domain, "-") && domain.Split('.').All(label => label.Length <= 63 && label[0] != '-' && label[^1] != '-');

    private static bool AreAtoms(string text, string punctuation) => text.Split('.').All(atom =>
        atom.Length > 0 && atom.EnumerateRunes().All(rune =>
            rune.IsAscii
                ? Rune.IsLetterOrDigit(rune) || punctuation.Contains((char)rune.Value)
                : rune != Rune.ReplacementChar && !InvisibleText.IsBlank(rune) && !InvisibleText.IsInvisible(rune)));

    private static bool IsLongerThan(int length, string text) =>
        text.Length > length && (text.Length > 2 * length || text.EnumerateRunes().Count() > length);
}

/// <summary>The limits of attributes, for their documentation.</summary>
internal sealed class AttributesSchemaAttribute : SchemaAttribute
{
    /// <inheritdoc/>
    public override void Apply(OpenApiSchema schema)
    {
        schema.Description = $"Free attributes. A key has 1 to {UserBody.MaxAttributeKeyLength} characters out of `A-Za-z0-9._-`. A value is any text, no invisible characters but tabs and line breaks.";
        schema.MaxProperties = UserBody.MaxAttributes;
        schema.AdditionalProperties = new OpenApiSchema
        {
            Type = JsonSchemaType.String,
            MaxLength = UserBody.MaxAttributeValueLength,
        };
    }
}
