using System.Globalization;
using System.Security.Claims;
using System.Text;
using Microsoft.Extensions.Options;
using UserApi.ServiceDefaults;

namespace UserApi.Api.Http;

/// <summary>
/// Logs who wrote what: one line per write, at level Information of the category <see cref="Category"/>, with the trace id of the request,
/// like every line. It names a caller by the subject or the client id of its token, and never contains the token.
/// </summary>
internal sealed partial class AuditLog(ILoggerFactory loggers, IOptions<AuditOptions> options)
{
    /// <summary>The category of the lines, for <c>Logging:LogLevel</c>.</summary>
    public const string Category = "UserApi.Audit";

    private const int MaxCallerLength = 256;

    private readonly ILogger _logger = loggers.CreateLogger(Category);
    private readonly bool _logIds = options.Value.LogIds;

    /// <summary>Logs a write.</summary>
    /// <param name="caller">The caller.</param>
    /// <param name="action">The operation, as a verb.</param>
    /// <param name="kind">The kind of resource.</param>
    /// <param name="id">The id of the resource: logged only with <see cref="AuditOptions.LogIds"/>.</param>
    /// <param name="isApplied">Whether the write is known to be applied; false: it may have been.</param>
    public void Write(ClaimsPrincipal caller, string action, string kind, string id, bool isApplied)
    {
        var outcome = isApplied ? "applied" : "may have been applied";
        if (_logIds)
        {
            LogWriteWithId(outcome, action, kind, id, NameOf(caller));
        }
        else
        {
            LogWrite(outcome, action, kind, NameOf(caller));
        }
    }

    // The prefix distinguishes a subject named "anonymous" from no caller. client_id: RFC 9068 section 2.2; azp: OpenID Connect Core section 2.
    private static string NameOf(ClaimsPrincipal caller) =>
        caller.FindFirst("sub") is { } subject ? $"subject {OnOneLine(subject.Value)}" :
        (caller.FindFirst("client_id") ?? caller.FindFirst("azp")) is { } client ? $"client {OnOneLine(client.Value)}" :
        "anonymous";

    /// <summary>
    /// Escapes what could make one line look like two lines, or like another line: some issuers let their users choose their names.
    /// </summary>
    private static string OnOneLine(string text)
    {
        if (text.Length <= MaxCallerLength && !text.Any(IsEscaped))
        {
            return text;
        }

        var escaped = new StringBuilder();
        foreach (var character in text.AsSpan(0, Math.Min(text.Length, MaxCallerLength)))
        {
            _ = IsEscaped(character)
                ? escaped.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}")
                : escaped.Append(character);
        }

        return text.Length > MaxCallerLength ? escaped.Append('…').ToString() : escaped.ToString();

        static bool IsEscaped(char character) => char.GetUnicodeCategory(character)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
            or UnicodeCategory.Surrogate;
    }

    [LoggerMessage(1, LogLevel.Information, "{Outcome}: {Action} {Kind} by {Caller}")]
    private partial void LogWrite(string outcome, string action, string kind, string caller);

    [LoggerMessage(2, LogLevel.Information, "{Outcome}: {Action} {Kind} {Id} by {Caller}")]
    private partial void LogWriteWithId(string outcome, string action, string kind, string id, string caller);
}

internal static class AuditLogRegistration
{
    public static void AddAuditLog(this IHostApplicationBuilder builder)
    {
        builder.AddSettings<AuditOptions>(AuditOptions.SectionName);
        builder.Services.AddSingleton<AuditLog>();
    }
}
