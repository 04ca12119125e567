using System.ComponentModel;
using System.Reflection;
using System.Text;
using Microsoft.Net.Http.Headers;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.Swagger;
using Swashbuckle.AspNetCore.SwaggerGen;
using UserApi.Api.Http;

namespace UserApi.Api.Docs;

/// <summary>The OpenAPI document at <c>/openapi.json</c>, and Swagger UI at <c>/docs</c> from assets of the program's own.</summary>
internal static partial class ApiDocs
{
    private const string Path = "/docs";
    private const string Document = "/openapi.json";
    private const string DocumentName = "openapi";

    // Swagger UI draws its icons as data: images and writes style attributes.
    private const string ContentSecurityPolicy =
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static void AddApiDocs(this IHostApplicationBuilder builder)
    {
        builder.Services.AddEndpointsApiExplorer();
        builder.Services.AddSwaggerGen(swagger =>
        {
            swagger.SwaggerDoc(DocumentName, new OpenApiInfo
            {
                Title = "UserApi",
                Version = "1",
                Description = "Puts, gets and finds users. Every error is `application/problem+json` (RFC 9457) with the trace id of the request.",
                License = new() { Name = "MIT", Url = new("https://opensource.org/license/mit") },
            });
            swagger.AddServer(new() { Url = "/", Description = "The address that this document came from." });
            // Only the filter makes the paths; Swashbuckle would guess them from the handlers' signatures.
            swagger.DocInclusionPredicate((_, _) => false);
            swagger.DocumentFilter<OpenApiPathsFilter>();
            swagger.SchemaFilter<SchemaFilter>();
            swagger.CustomSchemaIds(type => type.GetCustomAttribute<DisplayNameAttribute>()?.DisplayName ?? type.Name);
        });
        builder.Services.AddOptions<SwaggerGenOptions>().Configure<CallerPolicy>((swagger, callers) =>
            swagger.AddSecurityDefinition(OpenApiPathsFilter.Bearer, new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                BearerFormat = "JWT",
                Description = DescribeTokens(callers),
            }));
    }

    public static void MapApiDocs(this WebApplication app)
    {
        // Made when the first of these few requests comes: Swashbuckle takes its time to set up, and would hold every path against patterns.
        app.Use(next =>
        {
            var docs = new Lazy<RequestDelegate>(() => CreateDocs(app, next));
            return http => http.Request.Path.StartsWithSegments(Path) || IsDocument(http) ? docs.Value(http) : next(http);
        });

        if (app.Environment.IsDevelopment())
        {
            app.Lifetime.ApplicationStarted.Register(() => LogAddresses(app));
        }
    }

    /// <summary>The address of a wildcard (<c>http://+:8000</c>) that a browser on this machine can open.</summary>
    /// <param name="address">What the server listens at.</param>
    internal static string ToLocal(string address) =>
        address.Replace("//[::]:", "//localhost:", StringComparison.Ordinal).Replace("//0.0.0.0:", "//localhost:", StringComparison.Ordinal);

    private static string DescribeTokens(CallerPolicy callers) =>
        (callers.AllowAnonymous ? "Not needed here: callers without a token may do everything, as they may in Development unless it is forbidden (`Authentication:AllowAnonymous`). " : "")
        + $"A token with the scope `{callers.ScopePrefix}{ScopeAuthorization.Read}` for reading, `{callers.ScopePrefix}{ScopeAuthorization.Write}` for writing. "
        + (callers.Issuer is { } issuer
            ? $"Get it from {issuer}"
            : $"On a developer's machine, `dotnet user-jwts create --project UserApi.Api --scope {ScopeAuthorization.Read} --scope {ScopeAuthorization.Write}` makes one; "
                + "elsewhere, get it from the service's issuer (`Authentication:Schemes:Bearer:Authority`).");

    // Only on a developer's machine is the server's address the one that people open.
    private static void LogAddresses(WebApplication app)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("UserApi.Api.Docs");
        foreach (var address in app.Urls)
        {
            LogDocs(logger, ToLocal(address));
        }
    }

    private static RequestDelegate CreateDocs(IApplicationBuilder app, RequestDelegate next)
    {
        var docs = app.New();
        docs.Use((http, next) =>
        {
            var headers = http.Response.Headers;
            headers.ContentSecurityPolicy = ContentSecurityPolicy;
            headers["Referrer-Policy"] = "no-referrer";
            return next(http);
        });

        // Not UseSwagger: it would generate the same document again for every request.
        var document = Task.FromResult(CreateDocument(app.ApplicationServices));
        var files = new SharedFiles();
        docs.Use((http, next) => IsDocument(http) ? files.SendAsync(http, Document, () => document) : next(http));
        files.UseSwaggerFiles(docs, Path);
        docs.UseSwaggerUI(ui =>
        {
            ui.RoutePrefix = Path.TrimStart('/');
            ui.DocumentTitle = "UserApi";
            ui.SwaggerEndpoint(Document, "UserApi");

            // The bar only lets people choose among documents, and there is one.
            ui.HeadContent = "<style>#swagger-ui .topbar { display: none }</style>";
            ui.EnableTryItOutByDefault();
        });
        docs.Run(next);
        return docs.Build();
    }

    private static bool IsDocument(HttpContext http) =>
        http.Request.Path == Document && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method));

    private static SharedFile CreateDocument(IServiceProvider services)
    {
        using var scope = services.CreateScope();
        using var text = new StringWriter();
        scope.ServiceProvider.GetRequiredService<ISwaggerProvider>().GetSwagger(DocumentName).SerializeAsV3(new OpenApiJsonWriter(text));
        return new([new(HeaderNames.ContentType, "application/json; charset=utf-8")], Encoding.UTF8.GetBytes(text.ToString()));
    }

    [LoggerMessage(1, LogLevel.Information, "Try it at {Address}/docs")]
    private static partial void LogDocs(ILogger logger, string address);
}
