using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;

namespace UserApi.Api.Http;

/// <summary>
/// Where bearer tokens come from: ASP.NET Core's own configuration section <c>Authentication:Schemes:Bearer</c>. These are the names that
/// its JwtBearerConfigureOptions reads (aspnetcore, src/Security/Authentication/JwtBearer/src/JwtBearerConfigureOptions.cs), and
/// that <c>dotnet user-jwts</c> writes.
/// </summary>
internal sealed class BearerSchemeOptions
{
    /// <summary>The issuer, whose OpenID Connect metadata name its keys. Default: none.</summary>
    public string? Authority { get; set; }

    /// <summary>Where the issuer's metadata are, if not at <c>.well-known/openid-configuration</c> under <see cref="Authority"/>. Default: there.</summary>
    public string? MetadataAddress { get; set; }

    /// <summary>Whether the metadata must come by HTTPS. Default: true, but in Development false.</summary>
    public bool? RequireHttpsMetadata { get; set; }

    /// <summary>The audience that a token must name, besides those of <see cref="ValidAudiences"/>.</summary>
    public string? ValidAudience { get; set; }

    /// <summary>The audiences of which a token must name one.</summary>
    public IList<string> ValidAudiences { get; } = [];

    /// <summary>An issuer of tokens, besides that of the metadata and those of <see cref="ValidIssuers"/>.</summary>
    public string? ValidIssuer { get; set; }

    /// <summary>Issuers of tokens, besides that of the metadata.</summary>
    public IList<string> ValidIssuers { get; } = [];

    /// <summary>Keys of local tokens, as <c>dotnet user-jwts</c> keeps them.</summary>
    public IList<SigningKeyOptions> SigningKeys { get; } = [];

    /// <summary>The service sets this one itself: <see cref="LimitOptions.RequestTimeout"/>.</summary>
    public TimeSpan? BackchannelTimeout { get; set; }

    /// <inheritdoc cref="JwtBearerOptions.RefreshInterval"/>
    public TimeSpan? RefreshInterval { get; set; }

    /// <inheritdoc cref="JwtBearerOptions.Challenge"/>
    public string? Challenge { get; set; }

    /// <inheritdoc cref="AuthenticationSchemeOptions.ForwardAuthenticate"/>
    public string? ForwardAuthenticate { get; set; }

    /// <inheritdoc cref="AuthenticationSchemeOptions.ForwardChallenge"/>
    public string? ForwardChallenge { get; set; }

    /// <inheritdoc cref="AuthenticationSchemeOptions.ForwardDefault"/>
    public string? ForwardDefault { get; set; }

    /// <inheritdoc cref="AuthenticationSchemeOptions.ForwardForbid"/>
    public string? ForwardForbid { get; set; }

    /// <inheritdoc cref="AuthenticationSchemeOptions.ForwardSignIn"/>
    public string? ForwardSignIn { get; set; }

    /// <inheritdoc cref="AuthenticationSchemeOptions.ForwardSignOut"/>
    public string? ForwardSignOut { get; set; }

    /// <inheritdoc cref="JwtBearerOptions.IncludeErrorDetails"/>
    public bool? IncludeErrorDetails { get; set; }

    /// <inheritdoc cref="JwtBearerOptions.MapInboundClaims"/>
    public bool? MapInboundClaims { get; set; }

    /// <inheritdoc cref="JwtBearerOptions.RefreshOnIssuerKeyNotFound"/>
    public bool? RefreshOnIssuerKeyNotFound { get; set; }

    /// <inheritdoc cref="JwtBearerOptions.SaveToken"/>
    public bool? SaveToken { get; set; }

    /// <summary>The service sets this one itself: <see cref="CallerOptions.AnyAudience"/>.</summary>
    public bool? ValidateAudience { get; set; }

    /// <summary>Whether the issuer is checked where there are no metadata; with metadata it always is. Default: true.</summary>
    public bool? ValidateIssuer { get; set; }

    /// <summary>Whether an audience is named.</summary>
    public bool HasAudience() => !string.IsNullOrWhiteSpace(ValidAudience) || ValidAudiences.Count > 0;

    /// <summary><see cref="RequireHttpsMetadata"/>, or its default.</summary>
    public bool IsHttpsRequired(IHostEnvironment environment) => RequireHttpsMetadata ?? !environment.IsDevelopment();

    /// <summary>Whether tokens can be checked at all. Asked before there are options, since it decides what is registered.</summary>
    public static bool HasIssuer(IConfiguration configuration)
    {
        var bearer = configuration.GetSection($"{CallerOptions.SectionName}:{nameof(CallerOptions.Schemes)}:{JwtBearerDefaults.AuthenticationScheme}");
        return !string.IsNullOrWhiteSpace(bearer[nameof(Authority)])
            || !string.IsNullOrWhiteSpace(bearer[nameof(MetadataAddress)])
            || bearer.GetSection(nameof(SigningKeys)).GetChildren().Any();
    }
}

/// <summary>A key of local tokens.</summary>
internal sealed class SigningKeyOptions
{
    /// <summary>What <c>dotnet user-jwts</c> calls the key.</summary>
    public string? Id { get; set; }

    /// <summary>Whose key it is.</summary>
    public string? Issuer { get; set; }

    /// <summary>The key, in base64.</summary>
    public string? Value { get; set; }

    /// <summary>The length of the key in bytes.</summary>
    public int? Length { get; set; }
}
