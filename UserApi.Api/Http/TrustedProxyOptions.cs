using System.Net;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>The proxies whose X-Forwarded-* headers are trusted: configuration section <c>ForwardedHeaders</c>.</summary>
internal sealed class TrustedProxyOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "ForwardedHeaders";

    /// <summary>The proxies' networks, such as <c>10.0.0.0/16</c>. Default: none, and forwarded headers are ignored.</summary>
    public IList<string> Networks { get; } = [];

    /// <summary>The number of proxies that a request passes through. Default: 1.</summary>
    public int Hops { get; set; } = 1;
}

internal sealed class TrustedProxyOptionsValidator : IValidateOptions<TrustedProxyOptions>
{
    public ValidateOptionsResult Validate(string? name, TrustedProxyOptions options)
    {
        var failures = options.Networks
            .Where(network => !IPNetwork.TryParse(network, out _))
            .Select(network => $"ForwardedHeaders:Networks: '{network}' must be a network such as 10.0.0.0/16.")
            .ToList();
        if (options.Hops < 1)
        {
            failures.Add("ForwardedHeaders:Hops must be at least 1.");
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }
}
