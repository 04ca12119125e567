using System.Reflection;
using UserApi.Api.Http;
using UserApi.Api.Users;
using UserApi.Api.Users.Stores;
using UserApi.ServiceDefaults;

namespace UserApi.Api;

/// <summary>The arguments: a command, or settings for the service. Anything else is an error, so that a mistyped argument is not ignored.</summary>
internal static class CommandLine
{
    private const string Help = """
        UserApi keeps users in MongoDB or in a file, and serves them over HTTP.

        Usage
          UserApi.Api [serve] [--NAME=VALUE ...]
          UserApi.Api --probe URL | --version | --help

        Commands
          serve          serves the API until SIGTERM or Ctrl+C; so it does without a command
          --probe URL    asks a running service: exit code 0 when the URL answers 2xx within 3 s, else 1
          --version      the version
          --help, -h     this text

        Settings that matter: as arguments, in appsettings.json, or as environment variables with __ for each colon (Store__Path)
          --urls=http://localhost:8000                                    where the service listens
          --ConnectionStrings:users=mongodb://host/users                  keeps users in MongoDB
          --Store:Kind=Embedded --Store:Path=data/users.db                keeps users in a file, relative to the content root
          --Authentication:Schemes:Bearer:Authority=https://issuer/       whose tokens callers have
          --Authentication:Schemes:Bearer:ValidAudiences:0=users          for which service the tokens are
          --Authentication:AllowAnonymous=true                            lets everybody do everything
          --environment=Development                                       a file, no tokens; without it: Production
          --contentRoot=FOLDER                                            where appsettings.json is; without it: beside the program

        Examples
          UserApi.Api --environment=Development --urls=http://localhost:8001
          UserApi.Api --Store:Kind=Embedded --Store:Path=/var/lib/userapi/users.db --Authentication:AllowAnonymous=true
          UserApi.Api --probe http://localhost:8000/alive

        Exit codes
          0 done; 1 the service does not start, with the reason, or the URL does not answer; 2 the arguments are wrong
        """;

    private const string Serve = "serve";

    // The first parts of the names of settings: our own sections, and what ASP.NET Core's host and server read
    // (aspnetcore, WebHostDefaults.cs; runtime, HostDefaults.cs).
    private static readonly string[] s_names =
    [
        AuditOptions.SectionName, CallerOptions.SectionName, ConnectionStringOptions.SectionName, CrossOriginOptions.SectionName,
        LimitOptions.SectionName, StoreOptions.SectionName, TelemetryOptions.SectionName, TrustedProxyOptions.SectionName, UserOptions.SectionName,
        "urls", "http_ports", "https_ports", "environment", "contentRoot", "applicationName", "webroot", "AllowedHosts", "Logging", "Kestrel",
        "detailedErrors", "captureStartupErrors", "hostingStartupAssemblies", "hostingStartupExcludeAssemblies", "preventHostingStartup",
        "preferHostingUrls", "shutdownTimeoutSeconds", "startupAssembly", "staticWebAssets", "suppressStatusMessages", "hostBuilder", "https_port",
    ];

    /// <summary>Carries out a command.</summary>
    /// <param name="args">The arguments.</param>
    /// <returns>The exit code; null if the service must run.</returns>
    public static async Task<int?> RunAsync(string[] args)
    {
        switch (args)
        {
            case ["--version"]:
                Console.WriteLine(Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
                return 0;
            case ["--probe", .. var target]:
                return await HealthCheckCommand.RunAsync(target);
            case ["help", ..]:
            case var _ when args.Any(argument => argument is "--help" or "-h" or "-?"):
                Console.WriteLine(Help);
                return 0;
        }

        if (FindMistake(Settings(args)) is not { } mistake)
        {
            return null;
        }

        await Console.Error.WriteLineAsync($"{mistake}{Environment.NewLine}{Environment.NewLine}{Help}");
        return 2;
    }

    /// <summary>The arguments that are settings.</summary>
    /// <param name="args">The arguments.</param>
    public static string[] Settings(string[] args) => args is [Serve, .. var settings] ? settings : args;

    /// <summary>
    /// Reads arguments as the configuration does (runtime, CommandLineConfigurationProvider.cs): --NAME=VALUE, --NAME VALUE, with / for --, or
    /// NAME=VALUE.
    /// </summary>
    private static string? FindMistake(string[] settings)
    {
        for (var i = 0; i < settings.Length; i++)
        {
            var argument = settings[i];
            var prefix = argument.StartsWith("--", StringComparison.Ordinal) ? "--" : argument.StartsWith('/') ? "/" : "";
            var parts = argument[prefix.Length..].Split('=', 2);
            if (prefix.Length + parts.Length < 2)
            {
                return $"'{argument}' is not a command{Suggest(argument, [Serve, "help"])}";
            }

            var name = parts[0].Split(':')[0];
            if (!s_names.Contains(name, StringComparer.OrdinalIgnoreCase) && !name.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase))
            {
                return $"'{argument}' is neither a command nor a setting{Suggest(name, [.. s_names, "version", "help", "probe"])}";
            }

            if (parts.Length == 1 && (++i == settings.Length || settings[i].StartsWith("--", StringComparison.Ordinal)))
            {
                return $"'{argument}' has no value. Write {argument}=VALUE.";
            }
        }

        return null;
    }

    private static string Suggest(string word, IEnumerable<string> known) => EditDistance.Nearest(word, known) is var (nearest, distance) && distance <= Math.Max(1, word.Length / 3)
        ? $". Did you mean {nearest}?"
        : ".";
}
