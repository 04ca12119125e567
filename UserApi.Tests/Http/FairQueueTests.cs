using CsCheck;
using UserApi.Api.Http;

namespace UserApi.Tests.Http;

public class FairQueueTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_caller_that_is_alone_may_have_all_of_it()
    {
        var queue = new FairQueue<char>(places: 2, capacity: 3);

        Assert.True(queue.TryEnter());
        Assert.True(await queue.EnterAsync('a', Cancellation));
        Assert.False(queue.TryEnter());
        var waiting = Enumerable.Range(0, 3).Select(_ => queue.EnterAsync('a', Cancellation).AsTask()).ToList();
        Assert.False(await queue.EnterAsync('a', Cancellation));

        Assert.DoesNotContain(waiting, wait => wait.IsCompleted);
        waiting.ForEach(_ => queue.Leave());
        Assert.All(await Task.WhenAll(waiting), Assert.True);
    }

    [Fact]
    public async Task Freed_places_go_round_the_callers()
    {
        var queue = new FairQueue<char>(places: 1, capacity: 10);
        queue.TryEnter();
        var waits = "aaaabbc".Select(caller => (Caller: caller, Place: queue.EnterAsync(caller, Cancellation).AsTask())).ToList();
        List<char> served = [];

        while (waits.Count > 0)
        {
            queue.Leave();
            Assert.True(await await Task.WhenAny(waits.Select(wait => wait.Place)));
            var next = Assert.Single(waits, wait => wait.Place.IsCompleted);
            waits.Remove(next);
            served.Add(next.Caller);
        }

        Assert.Equal("abcabaa", string.Concat(served));
    }

    [Fact]
    public async Task A_full_queue_refuses_the_newest_of_the_caller_with_the_most_in_it()
    {
        var queue = new FairQueue<char>(places: 1, capacity: 4);
        queue.TryEnter();
        var first = Enumerable.Range(0, 4).Select(_ => queue.EnterAsync('a', Cancellation).AsTask()).ToList();

        var second = queue.EnterAsync('b', Cancellation).AsTask();
        Assert.False(await first[3]);
        var third = queue.EnterAsync('b', Cancellation).AsTask();
        Assert.False(await first[2]);

        // Each caller has two waits, so the next one makes its caller the one with the most.
        Assert.False(await queue.EnterAsync('b', Cancellation));
        Assert.False(await queue.EnterAsync('a', Cancellation));
        Assert.DoesNotContain([first[0], first[1], second, third], wait => wait.IsCompleted);
    }

    [Fact]
    public async Task Who_does_not_wait_any_longer_leaves_its_room_at_once()
    {
        var queue = new FairQueue<char>(places: 1, capacity: 1);
        queue.TryEnter();
        using var impatience = new CancellationTokenSource();
        var impatient = queue.EnterAsync('a', impatience.Token).AsTask();
        await impatience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queue.EnterAsync('a', impatience.Token).AsTask());
        var patient = queue.EnterAsync('a', Cancellation).AsTask();
        queue.Leave();
        Assert.True(await patient);
    }

    /// <summary>Random callers enter, leave and time out. Each step checks the queue's guarantees, not its implementation.</summary>
    [Fact]
    public void Whatever_happens_it_is_bounded_busy_and_fair()
    {
        var step = Gen.Select(Gen.Int[0, 9], Gen.Int[0, 3], Gen.Int[0, 99]);
        Gen.Select(Gen.Int[1, 3], Gen.Int[0, 6], step.Array[0, 80]).Sample((places, capacity, steps) =>
        {
            var model = new Observer(places, capacity);
            foreach (var (what, caller, which) in steps)
            {
                switch (what)
                {
                    case < 6:
                        model.Come(caller);
                        break;
                    case < 9:
                        model.Leave();
                        break;
                    default:
                        model.LosePatience(which);
                        break;
                }
            }
        });
    }

    [Fact]
    public async Task Many_at_once_never_work_on_more_places_than_there_are_and_none_is_forgotten()
    {
        var queue = new FairQueue<int>(places: 3, capacity: 1000);
        var (working, most) = (0, 0);

        await Task.WhenAll(Enumerable.Range(0, 300).Select(caller => Task.Run(async () =>
        {
            for (var i = 0; i < 20; i++)
            {
                using var timeout = new CancellationTokenSource();
                if (caller % 10 == 0)
                {
                    timeout.CancelAfter(TimeSpan.FromMilliseconds(i % 3));
                }

                try
                {
                    Assert.True(queue.TryEnter() || await queue.EnterAsync(caller % 7, timeout.Token));
                }
                catch (OperationCanceledException)
                {
                    continue;
                }

                InterlockedMax(ref most, Interlocked.Increment(ref working));
                await Task.Yield();
                Interlocked.Decrement(ref working);
                queue.Leave();
            }
        })));

        Assert.InRange(most, 1, 3);
        Assert.True(queue.TryEnter() && queue.TryEnter() && queue.TryEnter());
        Assert.False(queue.TryEnter());
    }

    private static void InterlockedMax(ref int target, int value)
    {
        while (Volatile.Read(ref target) is var seen && value > seen && Interlocked.CompareExchange(ref target, value, seen) != seen)
        {
        }
    }

    /// <summary>Tracks who is served and who waits, and checks the outcome of each step.</summary>
    private sealed class Observer(int places, int capacity)
    {
        private readonly FairQueue<int> _queue = new(places, capacity);
        private readonly List<Wait> _waiting = []; // the oldest first
        private readonly Dictionary<int, HashSet<int>> _servedSince = []; // by waiting caller: who has been served since that caller was
        private int _working;

        public void Come(int caller)
        {
            var (own, most) = (CountOf(caller), _waiting.Select(wait => CountOf(wait.Caller)).DefaultIfEmpty(0).Max());
            var isFull = _waiting.Count == capacity;
            var come = new Wait(caller);
            come.Place = _queue.EnterAsync(caller, come.Timeout.Token).AsTask();
            _waiting.Add(come);
            _servedSince.TryAdd(caller, []);
            if (_working < places)
            {
                Serve(come);
            }
            else if (isFull)
            {
                // The queue refuses the newest wait of a caller who has the most waits, including the new one.
                var refused = Settled();
                Assert.False(refused.Place.Result);
                Assert.True(own + 1 >= most ? refused == come : CountOf(refused.Caller) == most);
                Assert.Same(_waiting.Last(wait => wait.Caller == refused.Caller), refused);
                Remove(refused);
            }

            Assert.DoesNotContain(_waiting, wait => wait.Place.IsCompleted);
        }

        public void Leave()
        {
            if (_working == 0)
            {
                return;
            }

            _working--;
            _queue.Leave();
            if (_waiting.Count > 0)
            {
                var served = Settled();
                Assert.Same(_waiting.First(wait => wait.Caller == served.Caller), served);
                Serve(served);
            }
        }

        public void LosePatience(int which)
        {
            if (_waiting.Count > 0)
            {
                var wait = _waiting[which % _waiting.Count];
                wait.Timeout.Cancel();
                Assert.Same(wait, Settled());
                Assert.True(wait.Place.IsCanceled);
                Remove(wait);
            }
        }

        private void Serve(Wait served)
        {
            Assert.True(served.Place.Result);
            _working++;
            Remove(served);
            foreach (var (caller, others) in _servedSince)
            {
                Assert.True(caller == served.Caller || others.Add(served.Caller), "No caller may be served twice while another one waits.");
            }

            _servedSince.GetValueOrDefault(served.Caller)?.Clear();
        }

        private void Remove(Wait wait)
        {
            _waiting.Remove(wait);
            if (CountOf(wait.Caller) == 0)
            {
                _servedSince.Remove(wait.Caller);
            }
        }

        private int CountOf(int caller) => _waiting.Count(wait => wait.Caller == caller);

        /// <summary>The only completed wait.</summary>
        private Wait Settled()
        {
            Assert.True(SpinWait.SpinUntil(() => _waiting.Exists(wait => wait.Place.IsCompleted), TimeSpan.FromSeconds(10)));
            return Assert.Single(_waiting, wait => wait.Place.IsCompleted);
        }
    }

    private sealed class Wait(int caller)
    {
        public int Caller { get; } = caller;

        public CancellationTokenSource Timeout { get; } = new();

        public Task<bool> Place { get; set; } = null!;
    }
}
