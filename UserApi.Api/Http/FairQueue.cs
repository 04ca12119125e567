namespace UserApi.Api.Http;

/// <summary>
/// A limited number of places, and a limited queue of requests that wait for one, shared fairly between callers (fair queuing, RFC 970).
/// A single caller may use all of it. When others wait, freed places go to the waiting callers in turn, and when the queue is full, the
/// newest request of the caller with the most waiting requests is refused. While places are free, callers are not distinguished.
/// </summary>
/// <param name="places">How many requests are carried out at once. At least 1.</param>
/// <param name="capacity">How many requests may wait. At least 0.</param>
internal sealed class FairQueue<TCaller>(int places, int capacity)
    where TCaller : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TCaller, Line> _lines = []; // of callers with waiting requests
    private readonly LinkedList<Line> _round = new(); // the same lines; the first one gets the next place
    private int _free = places; // 0 while a request waits
    private int _waiting;

    /// <summary>Takes a place if one is free now.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_free == 0)
            {
                return false;
            }

            _free--;
            return true;
        }
    }

    /// <summary>Waits for a place.</summary>
    /// <returns>Whether the request got a place. False when the queue is full: at once, or later, when another caller's request displaces it.</returns>
    /// <exception cref="OperationCanceledException">The request was cancelled and has left the queue.</exception>
    public async ValueTask<bool> EnterAsync(TCaller caller, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Waiter waiter;
        Waiter? displaced = null;
        lock (_lock)
        {
            if (_free > 0)
            {
                _free--;
                return true;
            }

            var line = _lines.GetValueOrDefault(caller);
            if (_waiting == capacity && !TryMakeRoom(line?.Waiters.Count ?? 0, out displaced))
            {
                return false;
            }

            waiter = Enqueue(line ?? new(caller));
        }

        displaced?.SetResult(false);
        using var cancellation = cancellationToken.UnsafeRegister(Cancel, waiter);
        return await waiter.Task;
    }

    /// <summary>Returns a place, which the next caller in turn gets.</summary>
    public void Leave()
    {
        Waiter next;
        lock (_lock)
        {
            if (_round.First is not { } turn)
            {
                _free++;
                return;
            }

            _round.Remove(turn);
            _round.AddLast(turn);
            next = turn.Value.Waiters.First!.Value;
            Dequeue(next);
        }

        next.SetResult(true);
    }

    private void Cancel(object? state, CancellationToken cancellationToken)
    {
        var waiter = (Waiter)state!;
        lock (_lock)
        {
            if (waiter.Node.List is null)
            {
                return; // already has its result
            }

            Dequeue(waiter);
        }

        waiter.SetCanceled(cancellationToken);
    }

    /// <summary>Displaces the newest request of the caller with the most waiting requests, unless that is the caller of the new request.</summary>
    private bool TryMakeRoom(int ownWaiting, out Waiter? displaced)
    {
        displaced = null;
        if (_round.MaxBy(line => line.Waiters.Count)?.Waiters is not { } longest || longest.Count <= ownWaiting + 1)
        {
            return false;
        }

        displaced = longest.Last!.Value;
        Dequeue(displaced);
        return true;
    }

    private Waiter Enqueue(Line line)
    {
        if (line.Waiters.Count == 0)
        {
            _lines.Add(line.Caller, line);
            _round.AddLast(line.Turn);
        }

        var waiter = new Waiter(line);
        line.Waiters.AddLast(waiter.Node);
        _waiting++;
        return waiter;
    }

    private void Dequeue(Waiter waiter)
    {
        var line = waiter.Line;
        line.Waiters.Remove(waiter.Node);
        _waiting--;
        if (line.Waiters.Count == 0)
        {
            _lines.Remove(line.Caller);
            _round.Remove(line.Turn);
        }
    }

    /// <summary>The waiting requests of one caller, oldest first.</summary>
    private sealed class Line
    {
        public Line(TCaller caller) => (Caller, Turn) = (caller, new(this));

        public TCaller Caller { get; }

        public LinkedListNode<Line> Turn { get; }

        public LinkedList<Waiter> Waiters { get; } = new();
    }

    private sealed class Waiter : TaskCompletionSource<bool>
    {
        public Waiter(Line line)
            : base(TaskCreationOptions.RunContinuationsAsynchronously) => (Line, Node) = (line, new(this));

        public Line Line { get; }

        public LinkedListNode<Waiter> Node { get; }
    }
}
