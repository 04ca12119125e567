using System.Collections.ObjectModel;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using Microsoft.OpenApi;
using UserApi.Api.Docs;

namespace UserApi.Api.Users;

/// <summary>The members of a user that a client writes. Others are ignored, unless the client requests strict handling, see <see cref="UserMembers"/>.</summary>
/// <param name="Name">The display name: 1 to 200 characters, not blank, none invisible (see <see cref="InvisibleText.Find"/>).</param>
/// <param name="Email">An e-mail address of at most 254 characters (RFC 5321, RFC 6531), none invisible, or nothing.</param>
/// <param name="Attributes">
/// At most 32 strings by key. A key has 1 to 64 characters out of <c>A-Za-z0-9._-</c>, a value at most 1,024 characters, none invisible but tabs
/// and line breaks.
/// </param>
internal sealed record UserInput(
    [property: Description("The display name: not blank, no invisible characters."), StringLength(UserInput.MaxNameLength, MinimumLength = 1)] string Name,
    [property: Description("An e-mail address (RFC 5321, RFC 6531), no invisible characters."), DataType("idn-email"), StringLength(EmailAddress.MaxLength, MinimumLength = 3)] string? Email = null,
    [property: AttributesSchema] IReadOnlyDictionary<string, string>? Attributes = null)
{
    private static readonly IReadOnlyDictionary<string, string> s_none = ReadOnlyDictionary<string, string>.Empty;

    /// <summary>The maximum length of a name, in Unicode code points.</summary>
    public const int MaxNameLength = 200;

    /// <summary>The maximum number of attributes.</summary>
    public const int MaxAttributes = 32;

    /// <summary>The maximum length of an attribute's key.</summary>
    public const int MaxAttributeKeyLength = 64;

    /// <summary>The maximum length of an attribute's value, in Unicode code points.</summary>
    public const int MaxAttributeValueLength = 1024;

    /// <summary>Whether replacing one by the other changes nothing that a client reads; the order of attributes counts, too.</summary>
    /// <param name="other">The other input.</param>
    public bool IsSameAs(UserInput other) =>
        this with { Attributes = null } == other with { Attributes = null }
        && (Attributes ?? s_none).SequenceEqual(other.Attributes ?? s_none);
}

/// <summary>The limits of attributes, for their documentation.</summary>
internal sealed class AttributesSchemaAttribute : SchemaAttribute
{
    /// <inheritdoc/>
    public override void Apply(OpenApiSchema schema)
    {
        schema.Description = $"Free attributes. A key has 1 to {UserInput.MaxAttributeKeyLength} characters out of `A-Za-z0-9._-`. A value is any text, no invisible characters but tabs and line breaks.";
        schema.MaxProperties = UserInput.MaxAttributes;
        schema.AdditionalProperties = new OpenApiSchema
        {
            Type = JsonSchemaType.String,
            MaxLength = UserInput.MaxAttributeValueLength,
        };
    }
}
