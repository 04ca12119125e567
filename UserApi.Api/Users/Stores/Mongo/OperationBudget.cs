using System.Diagnostics;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The time of one operation, <see cref="StoreOptions.Timeout"/>: the driver's own limits each bound a part of it, and nothing in its public
/// interface bounds a server that took a command and never answers.
/// </summary>
internal sealed class OperationBudget : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;

    /// <summary>Starts the time.</summary>
    /// <param name="timeout">How long the operation may take.</param>
    /// <param name="caller">Ends it earlier.</param>
    public OperationBudget(TimeSpan timeout, CancellationToken caller)
    {
        (_timeout, _caller) = (timeout, caller);
        _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _source.CancelAfter(timeout);
    }

    /// <summary>Is cancelled when the time is up, and when the caller gives up.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether it was the caller who gave up.</summary>
    public bool IsGivenUp => _caller.IsCancellationRequested;

    /// <summary>Whether less than half of the time is left.</summary>
    public bool IsHalfSpent => Spent > 0.5;

    /// <summary>
    /// How many tenths of the whole time a command sent now may take on the server: a little less than what is left, so that the server's
    /// own answer still arrives and the connection stays usable. Cancelling instead would close the connection.
    /// </summary>
    public int ServerTenths => Math.Clamp((int)((0.95 - Spent) * 10), 0, MongoUsers.MaxTenths);

    private double Spent => Stopwatch.GetElapsedTime(_start) / _timeout;

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}
