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
/// What of a caller's trace context (W3C Trace Context, W3C Baggage) is believed. By default only the ids of <c>traceparent</c>, so that a
/// caller finds its request again: whether a request is traced is this service's own decision, since a stranger could have everything traced,
/// or nothing, and neither <c>tracestate</c> nor <c>baggage</c> is taken. <see cref="TelemetryOptions.TrustCallers"/> is for services whose callers are all known.
/// </summary>
internal static class Tracing
{
    private const string SamplerKey = "OTEL_TRACES_SAMPLER";
    private const string RatioKey = "OTEL_TRACES_SAMPLER_ARG";

    /// <summary>Decides what is taken of a request; also where nothing is exported, since the ids are in logs and problems.</summary>
    public static void AddTraceContext(this IHostApplicationBuilder builder)
    {
        // Leaves requests to ASP.NET Core's propagator and HttpClient's: by default OpenTelemetry's instrumentation reads, and writes, the
        // headers once more, by a propagator of its own that believes them.
        Sdk.SetDefaultTextMapPropagator(new TraceContextPropagator());
        if (!AreCallersTrusted(builder.Configuration))
        {
            builder.Services.AddSingleton<DistributedContextPropagator>(new IdsOnlyPropagator());
        }
    }

    /// <summary>Samples by <c>OTEL_TRACES_SAMPLER</c> and <c>OTEL_TRACES_SAMPLER_ARG</c>, which the SDK reads where callers are trusted.</summary>
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
    // The names of the OpenTelemetry specification that its .NET SDK knows. Whether there is a parent of our own is asked in any case.
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

    // Read before the options are there, since it decides what is registered. Whatever else it is stops the start.
    private static bool AreCallersTrusted(IConfiguration configuration) =>
        bool.TryParse(configuration[$"{TelemetryOptions.SectionName}:{nameof(TelemetryOptions.TrustCallers)}"], out var areTrusted) && areTrusted;

    /// <summary>Samples a share of traces by chance. By the trace id, as the SDK's sampler does, it would be the caller who chooses.</summary>
    private sealed class ChanceSampler(double ratio) : Sampler
    {
        public override SamplingResult ShouldSample(in SamplingParameters samplingParameters) => new(Random.Shared.NextDouble() < ratio);
    }

    /// <summary>Takes the ids of a <c>traceparent</c> and nothing else.</summary>
    private sealed class IdsOnlyPropagator : DistributedContextPropagator
    {
        private const string TraceParent = "traceparent";

        public override IReadOnlyCollection<string> Fields { get; } = [TraceParent];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter)
        {
            // What this service sends is HttpClient's to say.
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
