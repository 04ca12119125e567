using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Context.Propagation;
using OpenTelemetry.Trace;

namespace UserApi.ServiceDefaults;

/// <summary>
/// Which parts of a caller's trace context (W3C Trace Context, W3C Baggage) are trusted. By default only the ids of <c>traceparent</c>, so
/// that callers can find their requests. This service decides whether a request is traced, because otherwise a stranger could have all
/// requests traced, or none; <c>tracestate</c> and <c>baggage</c> are ignored. <see cref="TelemetryOptions.TrustCallers"/> is for services that know all callers.
/// </summary>
internal static class Tracing
{
    private const string SamplerKey = "OTEL_TRACES_SAMPLER";
    private const string RatioKey = "OTEL_TRACES_SAMPLER_ARG";

    /// <summary>Sets which headers are trusted; even if nothing is exported, because logs and problems contain the ids.</summary>
    public static void AddTraceContext(this IHostApplicationBuilder builder)
    {
        // ASP.NET Core's and HttpClient's propagators handle the headers. By default, OpenTelemetry's instrumentation reads and writes them
        // again, with a propagator of its own that trusts them.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        if (!AreCallersTrusted(builder.Configuration))
        {
            builder.Services.AddSingleton<DistributedContextPropagator>(new IdsOnlyPropagator());
        }
    }

    /// <summary>Samples by <c>OTEL_TRACES_SAMPLER</c> and <c>OTEL_TRACES_SAMPLER_ARG</c>, which the SDK reads if callers are trusted.</summary>
    public static TracerProviderBuilder SetSampler(this TracerProviderBuilder tracing, IConfiguration configuration)
    {
        // A wrong value stops the start (TelemetryOptionsValidator).
        if (AreCallersTrusted(configuration) || !TryReadRatio(configuration, out var ratio, out _))
        {
            return tracing;
        }

        var own = new ChanceSampler(ratio);
        return tracing.SetSampler(new ParentBasedSampler(own, remoteParentSampled: own, remoteParentNotSampled: own));
    }

    /// <summary>Reads which share of the traces is recorded.</summary>
    /// <param name="configuration">The configuration.</param>
    /// <param name="ratio">The share, from 0 to 1.</param>
    /// <param name="rule">The rule that a value breaks.</param>
    // The samplers of the OpenTelemetry specification that its .NET SDK supports. A local parent's decision applies in any case.
    public static bool TryReadRatio(IConfiguration configuration, out double ratio, [NotNullWhen(false)] out string? rule)
    {
        (ratio, rule) = (1, null);
        switch (configuration[SamplerKey]?.ToLowerInvariant())
        {
            case null or "" or "always_on" or "parentbased_always_on":
                break;
            case "always_off" or "parentbased_always_off":
                ratio = 0;
                break;
            case "traceidratio" or "parentbased_traceidratio":
                if (configuration[RatioKey] is { Length: > 0 } text
                    && !(double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out ratio) && ratio is >= 0 and <= 1))
                {
                    rule = $"{RatioKey} must be a number from 0 to 1, not '{text}'.";
                }

                break;
            case var sampler:
                rule = $"{SamplerKey} must be always_on, always_off, traceidratio, or one of them with parentbased_ before it, not {sampler}.";
                break;
        }

        return rule is null;
    }

    // Read before the options exist, because it decides what is registered. A value that is no boolean stops the start.
    private static bool AreCallersTrusted(IConfiguration configuration) =>
        bool.TryParse(configuration[$"{TelemetryOptions.SectionName}:{nameof(TelemetryOptions.TrustCallers)}"], out var areTrusted) && areTrusted;

    /// <summary>Samples a share of traces at random. By the trace id, as in the SDK's sampler, callers could choose what is sampled.</summary>
    private sealed class ChanceSampler(double ratio) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => new(Random.Shared.NextDouble() < ratio);
    }

    /// <summary>Reads only the ids of a <c>traceparent</c>.</summary>
    private sealed class IdsOnlyPropagator : DistributedContextPropagator
    {
        private const string TraceParent = "traceparent";

        public override IReadOnlyCollection<string> Fields { get; } = [TraceParent];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
        {
            // HttpClient sets the headers of outgoing requests.
        }

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState)
        {
            (traceId, traceState) = (null, null);
            string? given = null;
            getter?.Invoke(carrier, TraceParent, out given, out _);
            if (given is not null && ActivityContext.TryParse(given, null, out var context))
            {
                traceId = $"00-{context.TraceId}-{context.SpanId}-00";
            }
        }

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
    }
}
