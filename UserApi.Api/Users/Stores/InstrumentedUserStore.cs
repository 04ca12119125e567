using System.Diagnostics;
using System.Diagnostics.Metrics;
using MongoDB.Driver;
using OpenTelemetry;

namespace UserApi.Api.Users.Stores;

/// <summary>
/// Measures a store: the duration of operations, what they changed, and why they failed. It creates spans only for a store whose
/// driver does not create any.
/// </summary>
internal sealed partial class InstrumentedUserStore : IUserStore, IDisposable
{
    /// <summary>The name of the activity source and of the meter.</summary>
    public const string TelemetryName = "UserApi";

    /// <summary>The source of the store's spans.</summary>
    internal static readonly ActivitySource Source = new(TelemetryName);

    private const int MaxReasonLength = 160;

    private readonly IUserStore _store;
    private readonly bool _makesSpans;
    private readonly ILogger _logger;
    private readonly FailureLog _failures;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _written;
    private readonly Counter<long> _conflicts;

    public InstrumentedUserStore(
        IUserStore store, bool makesSpans, IMeterFactory meters, TimeProvider clock, ILogger<InstrumentedUserStore> logger)
    {
        (_store, _makesSpans, _logger) = (store, makesSpans, logger);
        _failures = new(logger, "The user store cannot be used", clock);
        var meter = meters.Create(TelemetryName);
        _duration = meter.CreateHistogram<double>("db.client.operation.duration", "s", "Duration of the user store's operations.", advice: new()
        {
            // The bucket boundaries of the OpenTelemetry semantic conventions
            HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10],
        });
        _written = meter.CreateCounter<long>("userapi.users.written", "{user}", "Users created, replaced and deleted.");
        _conflicts = meter.CreateCounter<long>("userapi.users.conflicts", "{write}", "Writes whose precondition did not hold.");
    }

    public string SystemName => _store.SystemName;

    public ValueTask<User?> FindAsync(UserId id, CancellationToken cancellationToken) =>
        MeasureAsync("find", (id, cancellationToken), static (store, call) => store.FindAsync(call.id, call.cancellationToken));

    public ValueTask<UserPage> ListAsync(UserQuery query, CancellationToken cancellationToken) =>
        MeasureAsync("list", (query, cancellationToken), static (store, call) => store.ListAsync(call.query, call.cancellationToken));

    public async ValueTask<WriteResult> PutAsync(
        UserId id, UserInput body, Precondition precondition, bool returnUser, CancellationToken cancellationToken) =>
        Count(await MeasureAsync(
            "put",
            (id, body, precondition, returnUser, cancellationToken),
            static (store, call) => store.PutAsync(call.id, call.body, call.precondition, call.returnUser, call.cancellationToken)));

    public async ValueTask<WriteResult> UpdateAsync(
        UserId id, Func<UserInput, UserInput?> change, Precondition precondition, CancellationToken cancellationToken) =>
        Count(await MeasureAsync(
            "update",
            (id, change, precondition, cancellationToken),
            static (store, call) => store.UpdateAsync(call.id, call.change, call.precondition, call.cancellationToken)));

    public async ValueTask<WriteResult> DeleteAsync(UserId id, Precondition precondition, CancellationToken cancellationToken) =>
        Count(await MeasureAsync(
            "delete",
            (id, precondition, cancellationToken),
            static (store, call) => store.DeleteAsync(call.id, call.precondition, call.cancellationToken)));

    public async Task<TimeSpan> MakeIndexesAsync(CancellationToken cancellationToken)
    {
        // It takes as long as there are users, and nobody waits for it.
        using var _ = SuppressInstrumentationScope.Begin();
        return await _store.MakeIndexesAsync(cancellationToken);
    }

    public async ValueTask PingAsync(CancellationToken cancellationToken)
    {
        // Health checks are frequent, and their spans have no value.
        using var _ = SuppressInstrumentationScope.Begin();
        await MeasureAsync("ping", cancellationToken, static async (store, cancel) =>
        {
            await store.PingAsync(cancel);
            return true;
        });
    }

    public void Dispose() => (_store as IDisposable)?.Dispose();

    private async ValueTask<TResult> MeasureAsync<TCall, TResult>(
        string operation, TCall call, Func<IUserStore, TCall, ValueTask<TResult>> execute)
    {
        using var span = StartSpan(operation);
        var start = Stopwatch.GetTimestamp();
        Exception? failure = null;
        try
        {
            var result = await execute(_store, call);
            _failures.Succeeded();
            return result;
        }
        catch (Exception e)
        {
            failure = (e as StoreUnavailableException)?.InnerException ?? e;
            span?.SetTag("error.type", failure.GetType().FullName).SetStatus(ActivityStatusCode.Error);
            if (e is StoreUnavailableException unavailable)
            {
                var reason = unavailable.Reason ?? Describe(failure);
                _failures.Failed(reason);
                LogUnavailable(operation, Stopwatch.GetElapsedTime(start).TotalMilliseconds, reason);
            }

            throw;
        }
        finally
        {
            if (_duration.Enabled)
            {
                var tags = new TagList { { "db.system.name", SystemName }, { "db.operation.name", operation } };
                if (failure is not null)
                {
                    tags.Add("error.type", failure.GetType().FullName);
                }

                _duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, tags);
            }
        }
    }

    // A server's message may quote the document, and the driver's description of a cluster has several thousand characters.
    private static string Describe(Exception failure) => failure switch
    {
        MongoCommandException command => $"{command.CodeName} ({command.Code})",
        MongoServerException => failure.GetType().Name,
        _ => $"{failure.GetType().Name}: {failure.Message.AsSpan(0, Math.Min(failure.Message.Length, MaxReasonLength))}",
    };

    private Activity? StartSpan(string operation) => _makesSpans
        ? Source.StartActivity($"{operation} users", ActivityKind.Client)
            ?.SetTag("db.system.name", SystemName).SetTag("db.operation.name", operation).SetTag("db.collection.name", "users")
        : null;

    private WriteResult Count(WriteResult result)
    {
        var operation = result.Outcome switch
        {
            WriteOutcome.Created => "create",
            WriteOutcome.Replaced => "replace",
            WriteOutcome.Deleted => "delete",
            _ => null,
        };
        if (operation is not null)
        {
            _written.Add(1, new KeyValuePair<string, object?>("operation", operation));
        }
        else if (result.Outcome == WriteOutcome.PreconditionFailed)
        {
            _conflicts.Add(1);
        }

        return result;
    }

    // Every failure, with the trace id of its request, at a level that is off by default; FailureLog logs ongoing failures at a level that is on.
    [LoggerMessage(4, LogLevel.Debug, "The user store did not carry out '{Operation}' ({Milliseconds:0} ms): {Reason}")]
    private partial void LogUnavailable(string operation, double milliseconds, string reason);
}
