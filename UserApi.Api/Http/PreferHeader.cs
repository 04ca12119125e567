using Microsoft.Net.Http.Headers;
using UserApi.Api.Docs;

namespace UserApi.Api.Http;

/// <summary>The <c>Prefer</c> header of RFC 7240.</summary>
internal static class PreferHeader
{
    /// <summary>The preference for a response without the user.</summary>
    public const string ReturnMinimal = "return=minimal";

    /// <summary>The header of a request.</summary>
    public static ParameterDocs Parameter { get; } =
        new(ParameterPlace.Header, "Prefer", $"`{ReturnMinimal}` leaves the user out of the response, which makes many writes cheaper; `handling=strict` refuses unknown members (RFC 7240).") { Example = ReturnMinimal };

    /// <summary>The header of a response.</summary>
    public static HeaderDocs Applied { get; } = new("Preference-Applied", "The preference that was followed (RFC 7240).", ReturnMinimal);

    /// <summary>Whether the client sent <c>return=minimal</c>.</summary>
    public static bool PrefersMinimal(this HttpRequest request) => Prefers(request, "return", "minimal");

    /// <summary>Whether the client sent <c>handling=strict</c>: what is otherwise ignored must be an error.</summary>
    public static bool PrefersStrictHandling(this HttpRequest request) => Prefers(request, "handling", "strict");

    // The first preference with a name counts; what follows a semicolon is a parameter of a preference (RFC 7240 section 2).
    private static bool Prefers(HttpRequest request, string name, string value)
    {
        if (request.Headers["Prefer"].Count == 0)
        {
            return false;
        }

        foreach (var preference in request.Headers.GetCommaSeparatedValues("Prefer"))
        {
            if (NameValueHeaderValue.TryParse(preference.Split(';')[0], out var named) && named.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return HeaderUtilities.RemoveQuotes(named.Value).Equals(value, StringComparison.OrdinalIgnoreCase);
            }
        }

        return false;
    }
}
