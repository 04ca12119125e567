using System.Diagnostics;
using OpenTelemetry;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>A request in a batch.</summary>
internal interface IBatchedRequest
{
    /// <summary>The current span of the request, if there is one.</summary>
    Activity? Activity { get; }
}

/// <summary>
/// Connects the traces of the requests in a batch with the command that serves them all. If only one request of the batch is sampled, the
/// driver's spans are its children. If several are, each has its own client span, and the command has a shared one: it is a child of the
/// first client span, so that it is sampled, too, and it is linked with all client spans (OpenTelemetry specification, "Links between spans").
/// How a request is carried out does not depend on whether it is sampled.
/// </summary>
internal sealed class BatchSpans : IDisposable
{
    private readonly List<Activity> _spans = [];
    private readonly IDisposable? _suppression;

    private BatchSpans(string operation, IReadOnlyList<IBatchedRequest> batch)
    {
        var sampled = batch.Select(request => request.Activity).OfType<Activity>().Where(activity => activity.Recorded).ToList();
        switch (sampled.Count)
        {
            case 0:
                // The driver's span would belong to no request.
                _suppression = SuppressInstrumentationScope.Begin();
                break;
            case 1:
                Activity.Current = sampled[0];
                break;
            default:
                StartSpans(operation, sampled, batch.Count);
                break;
        }
    }

    /// <summary>Whether spans are recorded. If not, nothing is done here.</summary>
    public static bool IsEnabled => InstrumentedUserStore.Source.HasListeners();

    /// <summary>Starts the spans of a batch, whose command must be sent in the same execution context.</summary>
    /// <param name="operation">The operation's name.</param>
    /// <param name="batch">The requests.</param>
    /// <returns>The spans, which must be disposed after the command; null if spans are not recorded.</returns>
    public static BatchSpans? Start(string operation, IReadOnlyList<IBatchedRequest> batch) => IsEnabled ? new(operation, batch) : null;

    /// <summary>Marks the spans as failed.</summary>
    /// <param name="failure">The failure of the command.</param>
    public void Fail(Exception failure) =>
        _spans.ForEach(span => span.SetTag("error.type", (failure.InnerException ?? failure).GetType().FullName).SetStatus(ActivityStatusCode.Error));

    /// <inheritdoc/>
    public void Dispose()
    {
        _suppression?.Dispose();
        for (var i = _spans.Count - 1; i >= 0; i--)
        {
            _spans[i].Dispose();
        }
    }

    private void StartSpans(string operation, List<Activity> requests, int size)
    {
        // The semantic conventions for database client spans require "BATCH" and the size.
        _spans.AddRange(requests.Select(request => StartSpan(operation, request.Context)).OfType<Activity>());
        if (_spans.Count == 0 || StartSpan($"BATCH {operation}", _spans[0].Context) is not { } shared)
        {
            return;
        }

        shared.SetTag("db.operation.batch.size", size);
        foreach (var span in _spans)
        {
            span.AddLink(new(shared.Context));
            shared.AddLink(new(span.Context));
        }

        _spans.Add(shared);
    }

    private static Activity? StartSpan(string operation, ActivityContext parent) =>
        InstrumentedUserStore.Source.StartActivity($"{operation} {MongoUsers.Name}", ActivityKind.Client, parent)
            ?.SetTag("db.system.name", MongoUserStore.System)
            .SetTag("db.operation.name", operation)
            .SetTag("db.collection.name", MongoUsers.Name);
}
