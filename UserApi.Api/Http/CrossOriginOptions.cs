using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>Which browser applications of other origins may call: configuration section <c>Cors</c>.</summary>
internal sealed class CrossOriginOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Cors";

    /// <summary>The origins, such as <c>https://app.example.org</c>; <c>*</c> allows each. Default: none.</summary>
    public IList<string> AllowedOrigins { get; } = [];

    /// <summary>Whether a browser may send cookies and the like. A token in <c>Authorization</c> does not need it. Default: false.</summary>
    public bool AllowCredentials { get; set; }
}

internal sealed class CrossOriginOptionsValidator : IValidateOptions<CrossOriginOptions>
{
    public ValidateOptionsResult Validate(string? name, CrossOriginOptions options)
    {
        var wrong = options.AllowedOrigins.FirstOrDefault(origin => origin != "*" && !IsOrigin(origin));
        return wrong is not null
            ? ValidateOptionsResult.Fail($"Cors:AllowedOrigins: '{wrong}' must be an origin such as https://app.example.org, without a path, or *.")
            : options.AllowCredentials && options.AllowedOrigins.Contains("*")
            ? ValidateOptionsResult.Fail("Cors:AllowCredentials must be false if Cors:AllowedOrigins is *: any web site could act on behalf of its visitors.")
            : ValidateOptionsResult.Success;
    }

    private static bool IsOrigin(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var origin)
        && origin.Scheme is "http" or "https"
        && origin.GetLeftPart(UriPartial.Authority).Equals(text, StringComparison.OrdinalIgnoreCase);
}
