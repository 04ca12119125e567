using System.Reflection;
using Microsoft.Extensions.Options;
using UserApi.Api;
using UserApi.Api.Docs;
using UserApi.Api.Http;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.ServiceDefaults;

if (args is ["--version"])
{
    Console.WriteLine(Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
    return 0;
}

if (args is ["--probe", .. var target])
{
    return await HealthCheckCommand.RunAsync(target);
}

try
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults(InstrumentedUserStore.TelemetryName, "MongoDB.Driver");
    builder.AddResponseHeaders();
    builder.AddServerLimits();
    builder.AddTrustedProxies();
    builder.AddBearerAuthentication();
    builder.AddAuditLog();
    builder.AddUserStore();
    builder.AddCrossOrigin();
    builder.AddApiDocs();

    var app = builder.Build();
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
catch (Exception e) when (e is OptionsValidationException or StoreFileException or DuplicateEmailsException || IsUnreadableSetting(e))
{
    await Console.Error.WriteLineAsync($"UserApi does not start. {e.Message}");
    return 1;
}

// What the binder throws for a value that is not of its option's type has no type of its own.
static bool IsUnreadableSetting(Exception e) => e is InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" };
