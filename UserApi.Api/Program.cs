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
    return await Probe.RunAsync(target);
}

try
{
    var builder = WebApplication.CreateBuilder(args);
    builder.AddServiceDefaults(InstrumentedUserStore.TelemetryName, "MongoDB.Driver");
    builder.AddResponseHeaders();
    builder.AddLimits();
    builder.AddForwardedClients();
    builder.AddAccess();
    builder.AddAuditLog();
    builder.AddUserStore();
    builder.AddCrossOrigin();
    builder.AddApiDocs();

    var app = builder.Build();
    app.UseDrain();
    app.UseProblems();
    app.UseForwardedClients();
    app.UseCrossOrigin();
    app.UseRequestTimeouts();
    app.UseCallers();
    app.UseRateLimiting();
    app.UseAccess();
    app.RejectDotSegments();
    app.MapDefaultEndpoints(Access.MayRead).WithDocs();
    app.MapStatus();
    app.MapUsers();
    app.MapApiDocs();
    await app.RunAsync();
    return 0;
}
catch (Exception e) when (e is OptionsValidationException or StoreFileException || IsUnreadableSetting(e))
{
    await Console.Error.WriteLineAsync($"UserApi does not start. {e.Message}");
    return 1;
}

// What the binder throws for a value that is not of its option's type has no type of its own.
static bool IsUnreadableSetting(Exception e) => e is InvalidOperationException { Source: "Microsoft.Extensions.Configuration.Binder" };
