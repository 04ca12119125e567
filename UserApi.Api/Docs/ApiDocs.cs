namespace UserApi.Api.Docs;

internal static class ApiDocs
{
    public static void AddApiDocs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddEndpointsApiExplorer();
        builder.Services.AddSwaggerGen();
    }

    public static void MapApiDocs(this WebApplication app)
    {
        app.UseSwagger(options => options.RouteTemplate = "{documentName}.json");
        app.UseSwaggerUI(ui => ui.RoutePrefix = "docs");
    }
}
