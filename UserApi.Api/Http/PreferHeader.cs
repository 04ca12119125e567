using Microsoft.Net.Http.Headers;
using UserApi.Api.Docs;

namespace UserApi.Api.Http;

/// <summary>The <c>Prefer</c> header of RFC 7240.</summary>
internal static class PreferHeader
{
    /// <summary>The preference for the user in the response.</summary>
    public const string ReturnRepresentation = "return=representation";

    /// <summary>The header of a request.</summary>
    public static ParameterDocs Parameter { get; } =
        new(ParameterPlace.Header, "Prefer", $"`{ReturnRepresentation}` asks for the user in the response (RFC 7240).") { Example = ReturnRepresentation };

    /// <summary>The header of a response.</summary>
    public static HeaderDocs Applied { get; } = new("Preference-Applied", "The preference that was followed (RFC 7240).", ReturnRepresentation);

    /// <summary>Whether the client sent <c>return=representation</c>.</summary>
    public static bool PrefersRepresentation(this HttpRequest request) =>
        Find(request, "return") is { } value && value.Equals("representation", StringComparison.OrdinalIgnoreCase);

    // The first one of a name counts, and what follows a semicolon belongs to the preference before it (RFC 7240 section 2).
    private static string? Find(HttpRequest request, string name)
    {
        foreach (var preference in request.Headers.GetCommaSeparatedValues("Prefer"))
        {
            if (NameValueHeaderValue.TryParse(preference.Split(';')[0], out var named) && named.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return HeaderUtilities.RemoveQuotes(named.Value).ToString();
            }
        }

        return null;
    }
}
