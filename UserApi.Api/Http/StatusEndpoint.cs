using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using UserApi.Api.Users.Stores;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Http;

/// <summary><c>GET /</c>, as simple-user-api has it: the API and its store answer, or 503.</summary>
internal static class StatusEndpoint
{
    private const string StoreUnavailable = "The user store cannot be reached now.";

    public static void MapStatus(this WebApplication app) => app
        .MapMethods("/", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(async http =>
        {
            var store = await http.RequestServices.GetRequiredService<StoreHealthCheck>().CheckAsync(http.RequestAborted);
            if (store.Status == HealthStatus.Healthy)
            {
                await http.Response.WriteJsonAsync(new("ok"), StatusJson.Default.ApiStatus, "application/json");
                return;
            }

            // Not thrown: probes go on asking while the store is down, and an exception would cost them more than the answer.
            var detail = Access.MayRead(http) ? $"{StoreUnavailable} {store.Description}" : StoreUnavailable;
            await new Problem(StatusCodes.Status503ServiceUnavailable, detail).ExecuteAsync(http);
        }))
        .AsProbe();
}

/// <summary>What <c>GET /</c> answers.</summary>
/// <param name="Status">Always <c>ok</c>.</param>
public sealed record ApiStatus(string Status);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ApiStatus))]
internal sealed partial class StatusJson : JsonSerializerContext;
