using System.Globalization;
using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>Where the service listens: ASP.NET Core's own settings. ASP.NET Core validates them only partly: it reads a port that is not a number as 80.</summary>
internal sealed class AddressOptions
{
    /// <summary>Addresses, separated by semicolons (<c>ASPNETCORE_URLS</c>). Default: <c>http://localhost:5000</c>.</summary>
    public string? Urls { get; set; }

    /// <summary>HTTP ports on all networks, separated by semicolons (<c>ASPNETCORE_HTTP_PORTS</c>); ignored if there are <see cref="Urls"/>.</summary>
    [ConfigurationKeyName("http_ports")]
    public string? HttpPorts { get; set; }

    /// <summary>The same for HTTPS (<c>ASPNETCORE_HTTPS_PORTS</c>).</summary>
    [ConfigurationKeyName("https_ports")]
    public string? HttpsPorts { get; set; }
}

internal sealed class AddressOptionsValidator : IValidateOptions<AddressOptions>
{
    public ValidateOptionsResult Validate(string? name, AddressOptions options)
    {
        var failures = Split(options.Urls)
            .Where(url => !IsAddress(url))
            .Select(url => $"--urls (ASPNETCORE_URLS) must be addresses such as http://localhost:8000, with http or https and a port up to 65535, not '{url}'.")
            .Concat(Split(options.HttpPorts).Concat(Split(options.HttpsPorts))
                .Where(port => !ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                .Select(port => $"ASPNETCORE_HTTP_PORTS and ASPNETCORE_HTTPS_PORTS must be ports such as 8000, up to 65535, not '{port}'."))
            .ToList();
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static string[] Split(string? list) =>
        list?.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];

    private static bool IsAddress(string url)
    {
        try
        {
            var address = BindingAddress.Parse(url);
            return address.Scheme.ToLowerInvariant() is "http" or "https"
                && address.PathBase.Length == 0
                && (address.IsUnixPipe || address.IsNamedPipe
                    || (address.Port is >= 0 and <= ushort.MaxValue && (address.Host.StartsWith('[') || !address.Host.Contains(':', StringComparison.Ordinal))));
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
