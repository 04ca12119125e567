using Microsoft.Extensions.Configuration;

var builder = DistributedApplication.CreateBuilder(args);

var api = builder.AddProject<Projects.UserApi_Api>("api", launchProfileName: "http")
    .WithEnvironment("Logging__LogLevel__UserApi.Api.Docs", "None") // its log message would name the internal port, not the port of the link below
    .WithReplicas(builder.Configuration.GetValue("replicas", 1))
    .WithHttpHealthCheck("/health", endpointName: "http")
    .WithUrlForEndpoint("http", url =>
    {
        url.Url = "/docs";
        url.DisplayText = "API docs";
    });

switch (builder.Configuration["store"] ?? "mongodb")
{
    case "embedded":
        api.WithEnvironment("Store__Kind", "Embedded");
        break;

    case "mongodb" when !string.IsNullOrWhiteSpace(builder.Configuration.GetConnectionString("users")):
        api.WithReference(builder.AddConnectionString("users"));
        break;

    case "mongodb":
        var users = builder.AddMongoDB("mongo")
            .WithImageTag("8.2") // the version that the cloud deployment runs
            .WithDataVolume()
            .WithMongoExpress(express => express.WithExplicitStart())
            .AddDatabase("users");
        api.WithReference(users).WaitFor(users);
        break;

    case var unknown:
        await Console.Error.WriteLineAsync($"UserApi.AppHost does not start. The store must be mongodb or embedded, not {unknown}.");
        return 1;
}

await builder.Build().RunAsync();
return 0;
