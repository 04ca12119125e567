using System.Diagnostics;
using OpenTelemetry;

namespace UserApi.ServiceDefaults;

/// <summary>
/// Takes what a server's error message may quote of a document out of the database's spans: the driver puts the message into a tag,
/// and a duplicate key error names the key. The type of the exception and the status code stay.
/// </summary>
internal sealed class SpanPrivacy : BaseProcessor<Activity>
{
    public override void OnEnd(Activity data)
    {
        if (data.Status == ActivityStatusCode.Error && data.Kind == ActivityKind.Client)
        {
            data.SetTag("exception.message", null);
            data.SetTag("exception.stacktrace", null);
            data.SetStatus(ActivityStatusCode.Error);
        }
    }
}
