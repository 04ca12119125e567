using System.ComponentModel;
using System.Text.Json;
using System.Text.Json.Serialization;
using UserApi.Api.Docs;
using UserApi.Api.Users.Stores;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Http;

/// <summary><c>GET /</c>, as simple-user-api has it: the API and its store answer, or 503.</summary>
internal static class StatusEndpoint
{
    public static void MapStatus(this WebApplication app) => app
        .MapMethods("/", [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)(async http =>
        {
            await http.RequestServices.GetRequiredService<IUserStore>().PingAsync(http.RequestAborted);
            await http.Response.WriteJsonAsync(new("ok"), StatusJson.Default.ApiStatus, "application/json");
        }))
        .AsProbe()
        .WithTags("Operation")
        .WithName("Status")
        .WithSummary("The API and its store answer")
        .WithDescription("The same answer as that of simple-user-api.")
        .AnswersWith(200, "All is well.", new ApiStatus("ok"))
        .Answers(Problem.StoreUnavailable);
}

/// <summary>What <c>GET /</c> answers.</summary>
/// <param name="Status">Always <c>ok</c>.</param>
public sealed record ApiStatus([property: Description("Always `ok`.")] string Status);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(ApiStatus))]
internal sealed partial class StatusJson : JsonSerializerContext;
