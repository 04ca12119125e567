using System.Diagnostics;
using OpenTelemetry;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>A request that is carried out together with others.</summary>
internal interface IBatchedRequest
{
    /// <summary>The span that the request was made in, if there is one.</summary>
    Activity? Activity { get; }
}

/// <summary>
/// Leads the traces of the requests in a batch to the one command that serves them all. A sampled request that is the only sampled one in
/// its batch has the driver's spans as its children. Where there are several, each has a client span of its own, and the command has a
/// shared one: it is a child of the first of them, so that it is sampled as they are, and it and all of them are linked to each other
/// (OpenTelemetry specification, "Links between spans"). How a request is carried out does not depend on whether it is sampled.
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
                // A span of the driver would belong to no request.
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

    /// <summary>Whether anybody listens to spans. If not, nothing here is done.</summary>
    public static bool IsEnabled => InstrumentedUserStore.Source.HasListeners();

    /// <summary>Prepares the spans of a batch, whose command is to be sent in the same execution context.</summary>
    /// <param name="operation">The operation's name.</param>
    /// <param name="batch">The requests.</param>
    /// <returns>What to dispose of when the command has been answered; null when nobody listens.</returns>
    public static BatchSpans? Start(string operation, IReadOnlyList<IBatchedRequest> batch) => IsEnabled ? new(operation, batch) : null;

    /// <summary>Marks the spans as failed.</summary>
    /// <param name="failure">What failed.</param>
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
        // "BATCH", and the size, are what the semantic conventions for database client spans ask for.
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
