using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace UserApi.ServiceDefaults;

/// <summary>
/// What of a caller's trace context is believed: configuration section <c>Telemetry</c>. Where telemetry goes, and how much of it, is in the
/// variables of the OpenTelemetry specification (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
/// </summary>
public sealed class TelemetryOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Telemetry";

    /// <summary>
    /// Whether callers decide what is traced, and their <c>tracestate</c> and <c>baggage</c> are taken. Only where all callers are services of
    /// the same owner. Default: false.
    /// </summary>
    public bool TrustCallers { get; set; }
}

internal sealed class TelemetryOptionsValidator(IConfiguration configuration) : IValidateOptions<TelemetryOptions>
{
    private static readonly string[] s_endpoints =
    [
        Extensions.EndpointKey, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    ];

    public ValidateOptionsResult Validate(string? name, TelemetryOptions options)
    {
        var failures = s_endpoints
            .Where(key => configuration[key] is { } endpoint && !string.IsNullOrWhiteSpace(endpoint) && !IsHttp(endpoint))
            .Select(key => $"{key} must be an address such as http://localhost:4317, not '{configuration[key]}'.")
            .ToList();

        // Where callers are trusted, the SDK reads the sampler.
        if (!options.TrustCallers && !string.IsNullOrWhiteSpace(configuration[Extensions.EndpointKey]) && !Tracing.TryReadRatio(configuration, out _, out var rule))
        {
            failures.Add(rule);
        }

        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);
    }

    private static bool IsHttp(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https";
}
