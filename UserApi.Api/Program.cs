using UserApi.Api;
using UserApi.Api.Docs;
using UserApi.Api.Http;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.ServiceDefaults;

if (await CommandLine.RunAsync(args) is { } exitCode)
{
    return exitCode;
}

try
{
    var settings = CommandLine.Settings(args);
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = settings, ContentRootPath = ContentRoot.Find(settings) });
    var hasStarted = builder.Logging.QuietStart();
    builder.AddServiceDefaults(InstrumentedUserStore.TelemetryName, "MongoDB.Driver");
    builder.AddResponseHeaders();
    builder.AddServerLimits();
    builder.AddTrustedProxies();
    builder.AddBearerAuthentication();
    builder.AddAuditLog();
    builder.AddUserStore();
    builder.AddCrossOrigin();
    builder.AddApiDocs();
    builder.CheckSettings();

    var app = builder.Build();
    app.ValidateSettings();
    app.OpenUserStore();
    app.Lifetime.ApplicationStarted.Register(hasStarted);
    app.UseGracefulShutdown();
    app.UseProblems(ExceptionProblems.For);
    app.UseTrustedProxies();
    app.UseCrossOrigin();
    app.UseRequestTimeouts();
    app.UseBearerAuthentication();
    app.UseRateLimiting();
    app.UseScopeAuthorization();
    app.RejectDotSegments();
    app.MapDefaultEndpoints(ScopeAuthorization.MayRead).WithDocs();
    app.MapStatus();
    app.MapUsers();
    app.MapApiDocs();
    var store = app.Services.GetRequiredService<StoreWarmup>();
    await app.RunAsync();

    // What is stored may break a rule of the configuration.
    await (store.ExecuteTask ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    return store.ExecuteTask is { Exception.InnerException: DuplicateEmailsException refusal } ? throw refusal : 0;
}
catch (Exception e) when (StartFailure.Explain(e) is { Count: > 0 } reasons)
{
    foreach (var reason in reasons)
    {
        await Console.Error.WriteLineAsync($"UserApi does not start. {reason}");
    }

    return 1;
}
