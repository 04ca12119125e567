using System.Diagnostics;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using Microsoft.Net.Http.Headers;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Http;

/// <summary>Authenticates callers by bearer token (RFC 6750), with ASP.NET Core's own handler of JSON Web Tokens.</summary>
internal static class BearerAuthentication
{
    private static readonly TimeSpan s_healthTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_clockSkew = TimeSpan.FromSeconds(30);

    public static void AddBearerAuthentication(this WebApplicationBuilder builder)
    {
        var hasIssuer = BearerSchemeOptions.HasIssuer(builder.Configuration);
        builder.AddSettings<CallerOptions, CallerOptionsValidator>(CallerOptions.SectionName);
        builder.Services.AddSingleton(services =>
        {
            var callers = services.GetRequiredService<IOptions<CallerOptions>>().Value;
            var authority = callers.Schemes.Bearer.Authority;
            return new CallerPolicy(
                hasIssuer,
                callers.IsAnonymousAllowed(builder.Environment),
                callers.ScopePrefix,
                string.IsNullOrWhiteSpace(authority) ? null : authority);
        });
        if (!hasIssuer)
        {
            // Without an issuer no token can be checked, so authentication is left out.
            builder.Services.Configure<RouteOptions>(routes => routes.SuppressCheckForUnhandledSecurityMetadata = true);
            return;
        }

        AddAuthentication(builder.Services).AddJwtBearer(jwt =>
        {
            jwt.MapInboundClaims = false;
            jwt.TokenValidationParameters.NameClaimType = "sub";
            jwt.TokenValidationParameters.ClockSkew = s_clockSkew;

            // The trace context of callers must not be sent to the issuer.
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
            .Configure<IOptions<LimitOptions>, IOptions<CallerOptions>>((jwt, limits, callers) =>
            {
                jwt.BackchannelTimeout = limits.Value.RequestTimeout;
                jwt.RequireHttpsMetadata = callers.Value.Schemes.Bearer.IsHttpsRequired(builder.Environment);
            })
            .PostConfigure<IOptions<CallerOptions>>((jwt, callers) =>
            {
                // The standard section validates the issuer only if it is configured; metadata always contain it.
                jwt.TokenValidationParameters.ValidateIssuer |= jwt.ConfigurationManager is not null;
                jwt.TokenValidationParameters.ValidateAudience = !callers.Value.AnyAudience;

                // Otherwise a revoked key would be accepted for another hour.
                ((BaseConfigurationManager?)jwt.ConfigurationManager)?.UseLastKnownGoodConfiguration = false;
            });
        builder.Services.AddScopeAuthorization();
    }

    /// <summary>Authenticates the caller if the endpoint needs it. It must come before rate limiting, which counts by caller.</summary>
    public static void UseBearerAuthentication(this WebApplication app)
    {
        if (app.Services.GetRequiredService<CallerPolicy>().HasIssuer)
        {
            app.UseAuthentication();
        }
    }

    // Like the framework's AddAuthentication(), but without data protection, which bearer tokens do not need: it would look for its keys at start
    // and warn that they are not persisted or not encrypted (aspnetcore, AuthenticationServiceCollectionExtensions.cs).
    private static AuthenticationBuilder AddAuthentication(IServiceCollection services)
    {
        services.AddAuthenticationCore();
        services.AddWebEncoders();
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IAuthenticationConfigurationProvider, CallerConfiguration>();
        return new(services);
    }

    // The handler by itself can wait for a slow issuer for longer than the request timeout.
    private static async Task FetchKeysAsync(MessageReceivedContext message)
    {
        // Endpoints without authorization do not wait for a slow issuer. /health returns details to callers who may read, and waits briefly to authenticate them.
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
        using var timeout = isHealth ? CancellationTokenSource.CreateLinkedTokenSource(abort) : null;
        timeout?.CancelAfter(s_healthTimeout);
        var giveUp = timeout?.Token ?? abort;
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
        var detail = challenge.AuthenticateFailure is { } invalid ? Explain(invalid) : "A bearer token must be sent in Authorization.";
        http.Response.Headers.WWWAuthenticate = challenge.AuthenticateFailure is null
            ? JwtBearerDefaults.AuthenticationScheme
            : $"{JwtBearerDefaults.AuthenticationScheme} error=\"invalid_token\", error_description=\"{detail}\"";
        return new Problem(StatusCodes.Status401Unauthorized, detail).ExecuteAsync(http);
    }

    // Only the type of the failure is used: its message contains parts of a token that is not verified.
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

    private sealed record IssuerFailures(FailureLog Log);

    private sealed class CallerConfiguration(IConfiguration configuration) : IAuthenticationConfigurationProvider
    {
        public IConfiguration AuthenticationConfiguration { get; } = configuration.GetSection(CallerOptions.SectionName);
    }
}

/// <summary>The issuer's keys are unknown and cannot be fetched now, so no token can be checked.</summary>
/// <param name="innerException">The cause, for the log.</param>
internal sealed class IssuerUnavailableException(Exception innerException) : Exception("The issuer's keys cannot be fetched.", innerException);
