using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace UserApi.ServiceDefaults;

/// <summary>What every service of this solution has: telemetry and health endpoints.</summary>
public static class Extensions
{
    /// <summary>The setting of the OpenTelemetry specification that says where telemetry is sent.</summary>
    internal const string EndpointKey = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Adds the defaults.</summary>
    /// <param name="builder">The service.</param>
    /// <param name="telemetrySources">Names of activity sources and meters to export, in addition to the platform's.</param>
    public static TBuilder AddServiceDefaults<TBuilder>(this TBuilder builder, params string[] telemetrySources)
        where TBuilder : IHostApplicationBuilder
    {
        builder.AddConsoleLogging();
        builder.AddSettings<TelemetryOptions, TelemetryOptionsValidator>(TelemetryOptions.SectionName);
        builder.AddTraceContext();
        builder.AddOpenTelemetry(telemetrySources);
        builder.Services.AddHealthChecks().AddCheck("self", () => HealthCheckResult.Healthy(), [HealthEndpoints.LiveTag]);
        return builder;
    }

    /// <summary>Maps <c>/alive</c> and <c>/health</c>, in every environment.</summary>
    /// <param name="app">The service.</param>
    /// <param name="mayReadDetails">Whether a caller may read the result of each check, or only the overall status.</param>
    /// <returns>The two endpoints, so that the service can add conventions.</returns>
    public static (IEndpointConventionBuilder Alive, IEndpointConventionBuilder Health) MapDefaultEndpoints(
        this WebApplication app, Func<HttpContext, bool> mayReadDetails) => HealthEndpoints.Map(app, mayReadDetails);

    /// <summary>Logs readable lines in Development and one JSON object per line elsewhere, both with the trace id of the request.</summary>
    private static void AddConsoleLogging(this IHostApplicationBuilder builder)
    {
        if (builder.Environment.IsDevelopment())
        {
            builder.Logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss.fff ";
                console.IncludeScopes = true;
            });
        }
        else
        {
            builder.Logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "O";
                console.IncludeScopes = true;

                // The log is never embedded in HTML, so "<" need not be escaped as six bytes.
                console.JsonWriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
            });
        }

        builder.Services.AddSingleton<IExternalScopeProvider, TraceScopes>();
    }

    /// <summary>Exports by OTLP to <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>; if that is not set, records nothing.</summary>
    private static void AddOpenTelemetry(this IHostApplicationBuilder builder, string[] sources)
    {
        if (string.IsNullOrWhiteSpace(builder.Configuration[EndpointKey]))
        {
            return;
        }

        builder.Logging.AddOpenTelemetry(logging => logging.IncludeFormattedMessage = true);
        builder.Services.AddOpenTelemetry()
            .WithTracing(tracing => tracing
                .SetSampler(builder.Configuration)
                .AddSource(builder.Environment.ApplicationName)
                .AddSource(sources)
                .AddAspNetCoreInstrumentation(http => http.Filter = context => !HealthEndpoints.IsProbe(context.Request.Path))
                .AddHttpClientInstrumentation()
                .AddProcessor<SpanRedactor>())
            .WithMetrics(metrics => metrics
                .AddMeter(sources)
                .AddAspNetCoreInstrumentation()
                .AddHttpClientInstrumentation()
                .AddRuntimeInstrumentation())
            .UseOtlpExporter();
    }
}
