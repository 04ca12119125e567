using System.Diagnostics;
using OpenTelemetry;

namespace UserApi.ServiceDefaults;

/// <summary>
/// Removes from spans what may contain personal data: the path of a request (an id may be an e-mail address), but not the route; the query,
/// whatever <c>OTEL_DOTNET_EXPERIMENTAL_*_DISABLE_URL_QUERY_REDACTION</c> says, because OpenTelemetry's redaction keeps the names of
/// parameters, which clients choose; and the message of a database error (a duplicate key error quotes the key), but not its type and code.
/// </summary>
internal sealed class SpanRedactor : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        if (data.Kind == ActivityKind.Server)
        {
            data.SetTag("url.path", data.GetTagItem("http.route"));
            data.SetTag("url.query", null);
            return;
        }

        if (data.GetTagItem("url.full") is string url && url.IndexOf('?', StringComparison.Ordinal) is var query and >= 0)
        {
            data.SetTag("url.full", url[..query]);
        }

        if (data.Status == ActivityStatusCode.Error)
        {
            data.SetTag("exception.message", null);
            data.SetTag("exception.stacktrace", null);
            data.SetStatus(ActivityStatusCode.Error);
        }
    }
}
