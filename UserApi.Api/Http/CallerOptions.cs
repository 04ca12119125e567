using System.Buffers;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>Who may call: configuration section <c>Authentication</c>.</summary>
internal sealed class CallerOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Authentication";

    /// <summary>Where tokens come from.</summary>
    public SchemeOptions Schemes { get; } = new();

    /// <summary>Whether callers without a token may do everything. Default: only in Development.</summary>
    public bool? AllowAnonymous { get; set; }

    /// <summary>Whether tokens for any audience are accepted: for issuers whose access tokens have no audience, such as Amazon Cognito. Default: false.</summary>
    public bool AnyAudience { get; set; }

    /// <summary>The prefix of scope names in tokens, such as the resource server's identifier and a slash. Default: nothing.</summary>
    public string ScopePrefix { get; set; } = "";

    /// <summary><see cref="AllowAnonymous"/>, or its default.</summary>
    public bool IsAnonymousAllowed(IHostEnvironment environment) => AllowAnonymous ?? environment.IsDevelopment();
}

/// <summary>The schemes of authentication: ASP.NET Core's own section.</summary>
internal sealed class SchemeOptions
{
    /// <summary>Bearer tokens, the only scheme.</summary>
    public BearerSchemeOptions Bearer { get; } = new();
}

internal sealed class CallerOptionsValidator(IConfiguration configuration, IHostEnvironment environment) : IValidateOptions<CallerOptions>
{
    private static readonly SearchValues<char> s_scopeCharacters =
        SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(code => (char)code).Except(['"', '\\'])]);

    public ValidateOptionsResult Validate(string? name, CallerOptions options)
    {
        var failures = new List<string>();
        var bearer = options.Schemes.Bearer;
        var hasIssuer = BearerSchemeOptions.HasIssuer(configuration);
        Require(hasIssuer || options.IsAnonymousAllowed(environment), """
            No authentication is configured. Set Authentication:Schemes:Bearer:Authority (Authentication__Schemes__Bearer__Authority) to the issuer of the
            callers' tokens, or Authentication:AllowAnonymous (Authentication__AllowAnonymous) to true to let everybody do everything.
            """);
        Require(!hasIssuer || options.AnyAudience || bearer.HasAudience(), """
            Tokens that were issued for other services would be accepted. Set Authentication:Schemes:Bearer:ValidAudiences, or Authentication:AnyAudience to true
            where the issuer's access tokens name no audience.
            """);
        Require(!options.ScopePrefix.AsSpan().ContainsAnyExcept(s_scopeCharacters), """
            Authentication:ScopePrefix must hold only what a scope can: ASCII without spaces, quotation marks and backslashes (RFC 6749 section 3.3).
            """);
        RequireAddress(nameof(bearer.Authority), bearer.Authority);
        RequireAddress(nameof(bearer.MetadataAddress), bearer.MetadataAddress);
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void RequireAddress(string key, string? text)
        {
            if (string.IsNullOrWhiteSpace(text))
            {
                return;
            }

            var scheme = Uri.TryCreate(text, UriKind.Absolute, out var address) ? address.Scheme : null;
            Require(
                scheme is "https" or "http",
                $"Authentication:Schemes:Bearer:{key} must be an address such as https://login.example.org/, not '{text}'.");
            Require(scheme != "http" || !bearer.IsHttpsRequired(environment), $"""
                Authentication:Schemes:Bearer:{key} must begin with https://, because whoever can change '{text}' on its way can make tokens. On a network that you trust,
                set Authentication:Schemes:Bearer:RequireHttpsMetadata (Authentication__Schemes__Bearer__RequireHttpsMetadata) to false.
                """);
        }

        void Require(bool holds, string otherwise)
        {
            if (!holds)
            {
                failures.Add(otherwise.ReplaceLineEndings(" ").Trim());
            }
        }
    }
}
