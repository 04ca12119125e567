using Microsoft.OpenApi;

namespace UserApi.Api.Docs;

/// <summary>The OpenAPI document at <c>/openapi.json</c>, and Swagger UI at <c>/docs</c> from assets of the program's own.</summary>
internal static partial class ApiDocs
{
    public static void AddApiDocs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddEndpointsApiExplorer();
        builder.Services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc("openapi", new OpenApiInfo
            {
                Title = "UserApi",
                Version = "1",
                Description = "Puts and gets users. Every error is `application/problem+json` (RFC 9457) with the trace id of the request.",
                License = new() { Name = "MIT", Identifier = "MIT" },
            });
            swagger.DocumentFilter<ApiDocument>();
        });
    }

    public static void MapApiDocs(this WebApplication app)
    {
        app.UseSwagger(swagger => swagger.RouteTemplate = "{documentName}.json");
        app.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = "docs";
            ui.DocumentTitle = "UserApi";
            ui.SwaggerEndpoint("../openapi.json", "UserApi");
            ui.EnableTryItOutByDefault();
        });

        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("UserApi.Api.Docs");
        app.Lifetime.ApplicationStarted.Register(() =>
        {
            foreach (var address in app.Urls)
            {
                LogDocs(logger, address);
            }
        });
    }

    [LoggerMessage(1, LogLevel.Information, "Try it at {Address}/docs")]
    private static partial void LogDocs(ILogger logger, string address);
}
