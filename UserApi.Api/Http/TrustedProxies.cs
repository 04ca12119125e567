using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>Which proxies may say who the client is: configuration section <c>ForwardedHeaders</c>.</summary>
internal sealed class TrustedProxyOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "ForwardedHeaders";

    /// <summary>The proxies' networks, such as <c>10.0.0.0/16</c>. Default: none, and forwarded headers are ignored.</summary>
    public IList<string> Networks { get; } = [];

    /// <summary>How many proxies a request passes. Default: 1.</summary>
    public int Hops { get; set; } = 1;
}

internal static class TrustedProxies
{
    public static void AddTrustedProxies(this IHostApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection(TrustedProxyOptions.SectionName).Get<TrustedProxyOptions>() ?? new();
        if (options.Hops < 1)
        {
            throw Refusal("ForwardedHeaders:Hops must be at least 1.");
        }

        builder.Services.Configure<ForwardedHeadersOptions>(forwarded =>
        {
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            forwarded.ForwardLimit = options.Hops;
            forwarded.KnownProxies.Clear();
            forwarded.KnownIPNetworks.Clear();
            foreach (var network in options.Networks)
            {
                forwarded.KnownIPNetworks.Add(Parse(network));
            }
        });

        static System.Net.IPNetwork Parse(string network) => System.Net.IPNetwork.TryParse(network, out var parsed)
            ? parsed
            : throw Refusal($"ForwardedHeaders:Networks: '{network}' must be a network such as 10.0.0.0/16.");

        static OptionsValidationException Refusal(string rule) => new(TrustedProxyOptions.SectionName, typeof(TrustedProxyOptions), [rule]);
    }

    public static void UseTrustedProxies(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<ForwardedHeadersOptions>>().Value.KnownIPNetworks.Count > 0)
        {
            app.UseForwardedHeaders();
        }
    }
}
