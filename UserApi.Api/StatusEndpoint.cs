using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using UserApi.Api.Docs;
using UserApi.Api.Http;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.ServiceDefaults;

namespace UserApi.Api;

/// <summary><c>GET /</c>, as in simple-user-api: 200 if the API and its store work, otherwise 503.</summary>
internal static class StatusEndpoint
{
    public static void MapStatus(this WebApplication app) => app
        .MapMethods("/", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(async http =>
        {
            var store = await http.RequestServices.GetRequiredService<StoreHealthCheck>().CheckAsync(http.RequestAborted);
            if (store.Status == HealthStatus.Healthy)
            {
                await http.Response.WriteJsonAsync(new("ok"), StatusJson.Default.ApiStatus, "application/json");
                return;
            }

            // Not thrown: probes continue while the store is down, and an exception would cost more than the response.
            var problem = UserProblems.StoreUnavailable;
            await (ScopeAuthorization.MayRead(http) ? problem with { Detail = $"{problem.Detail} {store.Description}" } : problem).ExecuteAsync(http);
        }))
        .AsProbe()
        .WithTags("Operation")
        .WithName("Status")
        .WithSummary("The API and its store respond")
        .WithDescription("The same response as that of simple-user-api.")
        .AnswersWith(200, "All is well.", new ApiStatus("ok"))
        .Answers(UserProblems.StoreUnavailable);
}

/// <summary>The body of the response to <c>GET /</c>.</summary>
/// <param name="Status">Always <c>ok</c>.</param>
internal sealed record ApiStatus([property: Description("Always `ok`.")] string Status);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ApiStatus))]
internal sealed partial class StatusJson : JsonSerializerContext;
