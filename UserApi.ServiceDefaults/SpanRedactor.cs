using System.Diagnostics;
using OpenTelemetry;

namespace UserApi.ServiceDefaults;

/// <summary>
/// Takes out of spans what a client or a document may have put there: the path of a request (an id may be an e-mail address), of which the
/// route stays; the query, whatever <c>OTEL_DOTNET_EXPERIMENTAL_*_DISABLE_URL_QUERY_REDACTION</c> says, because redaction keeps the names
/// of parameters, which a client writes, too; and the message of a database error (a duplicate key error quotes the key), of which the
/// type and the code stay.
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
