using System.Diagnostics;

namespace UserApi.Api.Users.Stores.Mongo;

/// <summary>
/// The timeout of one operation, <see cref="StoreOptions.Timeout"/>: each of the driver's own timeouts limits only a part of it, and none
/// limits a server that has accepted a command and never replies.
/// </summary>
internal sealed class OperationBudget : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _source;

    /// <summary>Starts the timeout.</summary>
    /// <param name="timeout">The timeout of the operation.</param>
    /// <param name="caller">Cancels the operation earlier.</param>
    public OperationBudget(TimeSpan timeout, CancellationToken caller)
    {
        (_timeout, _caller) = (timeout, caller);
        _source = CancellationTokenSource.CreateLinkedTokenSource(caller);
        _source.CancelAfter(timeout);
    }

    /// <summary>Cancelled when the timeout expires or the caller cancels.</summary>
    public CancellationToken Token => _source.Token;

    /// <summary>Whether the caller has cancelled.</summary>
    public bool IsGivenUp => _caller.IsCancellationRequested;

    /// <summary>Whether more than half of the timeout has passed.</summary>
    public bool IsHalfSpent => Spent > 0.5;

    /// <summary>
    /// How many tenths of the timeout a command that is sent now may take on the server: a little less than the rest, so that the server's
    /// reply still arrives and the connection stays usable. Cancelling instead would close the connection.
    /// </summary>
    public int ServerTenths => Math.Clamp((int)((0.95 - Spent) * 10), 0, MongoUsers.MaxTenths);

    private double Spent => Stopwatch.GetElapsedTime(_start) / _timeout;

    /// <inheritdoc/>
    public void Dispose() => _source.Dispose();
}
