using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace UserApi.ServiceDefaults;

/// <summary>
/// <c>/alive</c> tells that the process responds. It is for load balancers, which replace an instance that fails it; replacing an
/// instance cannot fix the database. <c>/health</c> runs every check, and is for people, alarms and Aspire.
/// </summary>
public static class HealthEndpoints
{
    /// <summary>The tag of the checks that <c>/alive</c> runs.</summary>
    public const string LiveTag = "live";

    /// <summary>Marks an endpoint as a probe: it has no metrics and does not wait behind other requests.</summary>
    /// <param name="endpoint">The endpoint.</param>
    public static TBuilder AsProbe<TBuilder>(this TBuilder endpoint)
        where TBuilder : IEndpointConventionBuilder =>
        endpoint.DisableHttpMetrics().DisableRateLimiting();

    internal static (IEndpointConventionBuilder Alive, IEndpointConventionBuilder Health) Map(WebApplication app, Func<HttpContext, bool> mayReadDetails)
    {
        return (Map("/alive", check => check.Tags.Contains(LiveTag)), Map("/health", _ => true));

        IEndpointConventionBuilder Map(string path, Func<HealthCheckRegistration, bool> predicate) =>
            app.MapHealthChecks(path, new() { Predicate = predicate, ResponseWriter = Write }).AsProbe();

        Task Write(HttpContext http, HealthReport report) => WriteAsync(http, report, mayReadDetails(http));
    }

    /// <summary>Whether the path is a probe by this solution's convention. A span starts before routing, so only its path is known then.</summary>
    internal static bool IsProbe(PathString path) => path.Value is "/" or "/alive" or "/health";

    private static async Task WriteAsync(HttpContext http, HealthReport report, bool details)
    {
        http.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(http.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteString("status", report.Status.ToString());
        if (details)
        {
            WriteChecks(json, report);
        }

        json.WriteEndObject();
    }

    private static void WriteChecks(Utf8JsonWriter json, HealthReport report)
    {
        json.WriteStartObject("checks");
        foreach (var (name, check) in report.Entries)
        {
            json.WriteStartObject(name);
            json.WriteString("status", check.Status.ToString());
            json.WriteNumber("milliseconds", Math.Round(check.Duration.TotalMilliseconds, 1));
            if (check.Description is not null)
            {
                json.WriteString("description", check.Description);
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
