namespace UserApi.Api.Http;

/// <summary>
/// A bounded number of places to work in, and a bounded queue for those who wait for one, shared fairly between callers (fair queuing, RFC 970).
/// A caller that is alone may have all of it. As soon as others wait, freed places go round the waiting callers in turn, and when the queue is
/// full, the newest request of the caller with the most in it is refused. While places are free, it does not matter who the callers are.
/// </summary>
/// <param name="places">How many work at once. At least 1.</param>
/// <param name="capacity">How many may wait. At least 0.</param>
internal sealed class FairQueue<TCaller>(int places, int capacity)
    where TCaller : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TCaller, Line> _lines = []; // of those callers who have requests waiting
    private readonly LinkedList<Line> _round = new(); // the same lines: the first one's turn is next
    private int _free = places; // 0 while anybody waits
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
    /// <returns>Whether there is one. False when the queue is full: at once, or later, when another caller's request gets the room of this one.</returns>
    /// <exception cref="OperationCanceledException">The request has been cancelled, and has left the queue.</exception>
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

    /// <summary>Gives a place back: to the caller whose turn it is.</summary>
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
                return; // has got its answer already
            }

            Dequeue(waiter);
        }

        waiter.SetCanceled(cancellationToken);
    }

    /// <summary>Displaces the newest request of the caller with the most in the queue, unless that is the caller who needs the room.</summary>
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

    /// <summary>The waiting requests of one caller, the oldest first.</summary>
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
