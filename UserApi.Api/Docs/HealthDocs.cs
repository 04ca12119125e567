using System.ComponentModel;

namespace UserApi.Api.Docs;

/// <summary>Documents the health endpoints, which the service defaults map.</summary>
internal static class HealthDocs
{
    public static void WithDocs(this (IEndpointConventionBuilder Alive, IEndpointConventionBuilder Health) endpoints)
    {
        endpoints.Alive
            .WithTags("Operation")
            .WithName("Alive")
            .WithSummary("The process answers")
            .WithDescription("For load balancers. It does not use the store.")
            .AnswersWith(200, "All is well.", Report("Healthy", "self"));
        endpoints.Health
            .WithTags("Operation")
            .WithName("Health")
            .WithSummary("All checks, including the store")
            .WithDescription("For alarms and people. The response takes at most 1 s.")
            .AnswersWith(200, "All is well.", Report("Healthy", "self", "store"))
            .AnswersWith(503, "A check failed.", Report("Unhealthy", "self", "store"));
    }

    private static HealthReport Report(string status, params string[] checks) =>
        new(status, checks.ToDictionary(check => check, check => new HealthCheck(check == "self" ? "Healthy" : status, 0.4, null)));

    [DisplayName("Health")]
    private sealed record HealthReport(
        [property: Description("`Healthy`, `Degraded` or `Unhealthy`.")] string Status,
        [property: Description("The checks by name, for callers who may read users.")] IReadOnlyDictionary<string, HealthCheck>? Checks);

    private sealed record HealthCheck(
        [property: Description("`Healthy`, `Degraded` or `Unhealthy`.")] string Status,
        [property: Description("How long the check took.")] double Milliseconds,
        [property: Description("The result of the check, or what is wrong.")] string? Description);
}
