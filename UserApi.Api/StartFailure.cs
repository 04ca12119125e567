using Microsoft.Extensions.Options;
using UserApi.Api.Http;
using UserApi.Api.Users.Stores;

namespace UserApi.Api;

/// <summary>Failures that prevent the start and that the operator can fix: one line each, without a stack trace.</summary>
internal static class StartFailure
{
    private const string Kestrel = "Microsoft.AspNetCore.Server.Kestrel.Core";

    /// <summary>
    /// Prevents the host from logging start failures, which it does with a stack trace: the program reports them itself. Later failures are logged.
    /// </summary>
    /// <param name="logging">The logging of the service.</param>
    /// <returns>The action to call when the service has started.</returns>
    public static Action QuietStart(this ILoggingBuilder logging)
    {
        var hasStarted = false;
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level => Volatile.Read(ref hasStarted) && level >= LogLevel.Warning);
        return () => Volatile.Write(ref hasStarted, true);
    }

    /// <summary>The reasons, for an operator; none if the exception is a defect of the program.</summary>
    /// <param name="exception">The exception that stopped the start.</param>
    public static IReadOnlyList<string> Explain(Exception exception) => exception switch
    {
        OptionsValidationException invalid => [.. invalid.Failures],
        StoreFileException or DuplicateEmailsException or DirectoryNotFoundException => [exception.Message],
        InvalidDataException => [$"{exception.Message} {exception.InnerException?.Message}".Trim()], // a settings file that is not JSON
        IOException { Source: Kestrel } or ListenException =>
            [$"{exception.Message} Choose another address by --urls=http://localhost:8001 or by ASPNETCORE_URLS."],
        InvalidOperationException { Source: Kestrel } => [exception.Message.Split('\n')[0].Trim()], // such as HTTPS without a certificate
        _ => [],
    };
}
