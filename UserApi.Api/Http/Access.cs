using System.Buffers;
using System.Diagnostics;
using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Authorization.Policy;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Net.Http.Headers;

namespace UserApi.Api.Http;

/// <summary>Lets in those who bring a token with the right scope (RFC 6750), by ASP.NET Core's own handler of JWT bearer tokens.</summary>
internal static partial class Access
{
    /// <summary>The scope, and the policy, that reading needs.</summary>
    public const string Read = "users.read";

    /// <summary>The scope, and the policy, that writing needs.</summary>
    public const string Write = "users.write";

    private static readonly TimeSpan s_healthPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_clockSkew = TimeSpan.FromSeconds(30);

    private static readonly SearchValues<char> s_scopeCharacters =
        SearchValues.Create([.. Enumerable.Range('!', '~' - '!' + 1).Select(code => (char)code).Except(['"', '\\'])]);

    public static void AddAccess(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection(AccessOptions.SectionName).Get<AccessOptions>() ?? new();
        var bearer = builder.Configuration.GetSection($"{AccessOptions.SectionName}:Schemes:{JwtBearerDefaults.AuthenticationScheme}");
        var hasIssuer = Has("Authority") || Has("MetadataAddress") || Has("SigningKeys");
        var allowAnonymous = options.AllowAnonymous ?? builder.Environment.IsDevelopment();

        Require(hasIssuer || allowAnonymous, """
            Nobody could be let in: set Authentication:Schemes:Bearer:Authority (Authentication__Schemes__Bearer__Authority) to the issuer of the
            callers' tokens, or Authentication:AllowAnonymous (Authentication__AllowAnonymous) to true to let everybody do everything.
            """);
        Require(!hasIssuer || options.AnyAudience || Has("ValidAudiences") || Has("ValidAudience"), """
            Tokens for any other service would be taken: set Authentication:Schemes:Bearer:ValidAudiences, or Authentication:AnyAudience to true
            where the issuer's access tokens name no audience.
            """);
        Require(!options.ScopePrefix.AsSpan().ContainsAnyExcept(s_scopeCharacters), """
            Authentication:ScopePrefix must hold only what a scope can: ASCII without spaces, quotation marks and backslashes (RFC 6749 section 3.3).
            """);

        builder.Services.AddSingleton(new AccessState(hasIssuer, allowAnonymous, options.ScopePrefix));
        if (!hasIssuer)
        {
            // No token could be checked, so no request pays for the attempt.
            builder.Services.Configure<RouteOptions>(routes => routes.SuppressCheckForUnhandledSecurityMetadata = true);
            return;
        }

        builder.Services.AddAuthentication().AddJwtBearer(jwt =>
        {
            jwt.MapInboundClaims = false;
            jwt.TokenValidationParameters.NameClaimType = "sub";
            jwt.TokenValidationParameters.ClockSkew = s_clockSkew;

            // Nothing of what a caller sends to trace its request, and not its trace id either, is the issuer's business.
            jwt.BackchannelHttpHandler = new SocketsHttpHandler { ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator() };
            jwt.Events = new()
            {
                OnMessageReceived = FetchKeysAsync,
                OnChallenge = RefuseAsync,
            };
        });
        builder.Services.AddSingleton(services => new IssuerFailures(new(
            services.GetRequiredService<ILogger<IssuerUnavailableException>>(),
            "The issuer's keys cannot be fetched",
            services.GetRequiredService<TimeProvider>())));
        builder.Services.AddOptions<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme)
            .Configure<IOptions<LimitOptions>>((jwt, limits) => jwt.BackchannelTimeout = limits.Value.RequestTimeout);
        builder.Services.PostConfigure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, jwt =>
        {
            // The standard section checks the issuer only where it names one; its metadata always do.
            jwt.TokenValidationParameters.ValidateIssuer |= jwt.ConfigurationManager is not null;
            jwt.TokenValidationParameters.ValidateAudience = !options.AnyAudience;

            // A key that the issuer has taken back would be good for another hour.
            ((BaseConfigurationManager?)jwt.ConfigurationManager)?.UseLastKnownGoodConfiguration = false;
        });
        builder.Services.AddSingleton<IAuthorizationMiddlewareResultHandler, BearerResultHandler>();
        builder.Services.AddAuthorizationBuilder()
            .AddPolicy(Read, policy => policy.RequireAssertion(call => IsAllowed(call, Read)))
            .AddPolicy(Write, policy => policy.RequireAssertion(call => IsAllowed(call, Write)));

        bool IsAllowed(AuthorizationHandlerContext call, string scope) =>
            HasScope(call.User, options.ScopePrefix + scope)
            || (allowAnonymous && call.Resource is HttpContext http && !http.Request.Headers.ContainsKey(HeaderNames.Authorization));

        bool Has(string key) => bearer.GetSection(key) is var section && (!string.IsNullOrWhiteSpace(section.Value) || section.GetChildren().Any());
    }

    /// <summary>Finds out who calls, if the endpoint needs to know. It must come before the limits, which are counted for each caller.</summary>
    public static void UseCallers(this WebApplication app)
    {
        if (app.Services.GetRequiredService<AccessState>().HasIssuer)
        {
            app.UseAuthentication();
        }
    }

    /// <summary>Refuses callers without the scope. It must come behind the limits, so that refused requests count, too.</summary>
    public static void UseAccess(this WebApplication app)
    {
        var state = app.Services.GetRequiredService<AccessState>();
        if (state.HasIssuer)
        {
            app.UseAuthorization();
        }

        if (state.AllowAnonymous)
        {
            LogAnonymous(app.Logger);
        }
    }

    /// <summary>Whether this caller may read the details of the API's health.</summary>
    public static bool MayRead(HttpContext http)
    {
        var state = http.RequestServices.GetRequiredService<AccessState>();
        return state.AllowAnonymous || HasScope(http.User, state.ScopePrefix + Read);
    }

    // "scope" is RFC 8693 section 4.2, "scp" what Entra ID and Okta write; each a list in one string, or an array of strings, which becomes
    // a claim for each. Anything else, such as an object with the scope as a member's name, would be a claim of its JSON text.
    private static bool HasScope(ClaimsPrincipal user, string scope) => user.Claims
        .Where(claim => claim.Type is "scope" or "scp" && claim.ValueType == ClaimValueTypes.String)
        .Any(claim => claim.Value.Split(' ').Contains(scope, StringComparer.Ordinal));

    // The handler alone would wait for a slow issuer longer than the request may take.
    private static async Task FetchKeysAsync(MessageReceivedContext message)
    {
        // Nobody else waits for an issuer that is slow. /health tells those who may read more, and does not wait long to find out who asks.
        var endpoint = message.HttpContext.GetEndpoint();
        var isHealth = endpoint is RouteEndpoint { RoutePattern.RawText: "/health" };
        if (!isHealth && endpoint?.Metadata.GetMetadata<IAuthorizeData>() is null)
        {
            message.NoResult();
            return;
        }

        if (message.Options.ConfigurationManager is not { } issuer || !message.Request.Headers.ContainsKey(HeaderNames.Authorization))
        {
            return;
        }

        var abort = message.HttpContext.RequestAborted;
        using var patience = isHealth ? CancellationTokenSource.CreateLinkedTokenSource(abort) : null;
        patience?.CancelAfter(s_healthPatience);
        var giveUp = patience?.Token ?? abort;
        var failures = message.HttpContext.RequestServices.GetRequiredService<IssuerFailures>().Log;
        try
        {
            await issuer.GetConfigurationAsync(giveUp).WaitAsync(giveUp);
            failures.Succeeded();
        }
        catch (Exception e) when (e is InvalidOperationException or OperationCanceledException)
        {
            failures.Failed(e.GetBaseException().Message);
            message.Fail(new IssuerUnavailableException(e));
        }
    }

    // Fails only on challenge, so that anonymous endpoints work while the issuer is down.
    private static Task RefuseAsync(JwtBearerChallengeContext challenge)
    {
        var http = challenge.HttpContext;
        if (challenge.AuthenticateFailure is IssuerUnavailableException failure)
        {
            http.RequestAborted.ThrowIfCancellationRequested();
            throw failure;
        }

        challenge.HandleResponse();
        var detail = challenge.AuthenticateFailure is { } invalid ? Explain(invalid) : "A bearer token is required.";
        http.Response.Headers.WWWAuthenticate = challenge.AuthenticateFailure is null
            ? JwtBearerDefaults.AuthenticationScheme
            : $"{JwtBearerDefaults.AuthenticationScheme} error=\"invalid_token\", error_description=\"{detail}\"";
        return new Problem(StatusCodes.Status401Unauthorized, detail).ExecuteAsync(http);
    }

    // By the kind of the failure alone: whatever else it holds, its sender wrote, and nobody has vouched for it.
    private static string Explain(Exception invalid) => invalid switch
    {
        SecurityTokenExpiredException => "The token has expired.",
        SecurityTokenNotYetValidException => "The token is not valid yet.",
        SecurityTokenNoExpirationException => "The token has no time of expiry.",
        SecurityTokenInvalidLifetimeException => "The token's lifetime is not valid.",
        SecurityTokenInvalidAudienceException => "The token is for another audience.",
        SecurityTokenInvalidIssuerException => "The token is of another issuer.",
        SecurityTokenInvalidSignatureException => "The token's signature is not one of the issuer's.",
        _ => "The token is not valid.",
    };

    private static void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            throw new OptionsValidationException(AccessOptions.SectionName, typeof(AccessOptions), [otherwise.ReplaceLineEndings(" ").Trim()]);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "Callers without a token may do everything")]
    private static partial void LogAnonymous(ILogger logger);

    private sealed record AccessState(bool HasIssuer, bool AllowAnonymous, string ScopePrefix);

    private sealed record IssuerFailures(FailureLog Log);

    /// <summary>Says which scope was missing (RFC 6750 section 3.1), where the handler itself says nothing.</summary>
    private sealed class BearerResultHandler(AccessState state) : IAuthorizationMiddlewareResultHandler
    {
        private readonly AuthorizationMiddlewareResultHandler _standard = new();

        public Task HandleAsync(RequestDelegate next, HttpContext context, AuthorizationPolicy policy, PolicyAuthorizationResult authorizeResult)
        {
            if (!authorizeResult.Forbidden)
            {
                return _standard.HandleAsync(next, context, policy, authorizeResult);
            }

            var scope = state.ScopePrefix + context.GetEndpoint()?.Metadata.GetMetadata<IAuthorizeData>()?.Policy;
            context.Response.Headers.WWWAuthenticate = $"Bearer error=\"insufficient_scope\", scope=\"{scope}\"";
            return ScopeAuthorization.Missing(scope).ExecuteAsync(context);
        }
    }
}

/// <summary>The issuer's keys are not known and cannot be fetched now, so no token can be checked.</summary>
/// <param name="innerException">The cause, for the log.</param>
internal sealed class IssuerUnavailableException(Exception innerException) : Exception("The issuer's keys cannot be fetched.", innerException);
