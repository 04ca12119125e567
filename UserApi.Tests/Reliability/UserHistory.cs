using System.Collections.Concurrent;
using System.Globalization;

namespace UserApi.Tests.Reliability;

/// <summary>
/// The concurrent requests for one user and their responses. <see cref="Verify"/> looks for an order of the requests that explains every
/// response, with each request taking effect between its start and its response (linearizability; the search of Wing and Gong with Lowe's
/// memory). A write whose response says that it may have been applied takes effect at any later moment, or never.
/// </summary>
internal sealed class UserHistory(string id)
{
    /// <summary>The maximum number of requests, limited by the bit set of the search.</summary>
    public const int MaxRequests = 128;

    private readonly ConcurrentDictionary<int, Request> _requests = new();
    private int _started;
    private long _clock;

    public string Id => id;

    /// <summary>Whether no further request can be added.</summary>
    public bool IsFull => Volatile.Read(ref _started) >= MaxRequests - 8;

    /// <summary>Starts a request. A write gives the user a name with the write's number, so that a state shows which write made it.</summary>
    public Request Begin(Verb verb, string? ifMatch = null, bool ifNew = false)
    {
        var number = Interlocked.Increment(ref _started) - 1;
        return new(number, verb, ifMatch, ifNew, Interlocked.Increment(ref _clock));
    }

    /// <summary>Records a request's response; a request that was certainly not applied is not recorded.</summary>
    public void End(Request request, Answer answer) => _requests[request.Number] = request with { Answer = answer, End = Interlocked.Increment(ref _clock) };

    /// <summary>Records a write that may have been applied, now, later or never.</summary>
    public void MayHaveBeenApplied(Request request) => _requests[request.Number] = request;

    /// <summary>Fails unless some order explains every response.</summary>
    public void Verify()
    {
        var requests = _requests.Values.OrderBy(request => request.Start).ToArray();
        Assert.InRange(requests.Length, 0, MaxRequests);
        Assert.True(new Search(requests).Succeeds(), $"No order of these requests explains the answers about {id}:\n{this}");
    }

    public override string ToString() => string.Join('\n', _requests.Values.OrderBy(request => request.Start));

    /// <summary>A request and its response, if there was one.</summary>
    /// <param name="Number">The name that it writes.</param>
    /// <param name="Verb">The kind of request.</param>
    /// <param name="IfMatch">The entity tag that the user must have.</param>
    /// <param name="IfNew">Whether the user must not exist (<c>If-None-Match: *</c>).</param>
    /// <param name="Start">When it was sent.</param>
    /// <param name="End">When the response arrived.</param>
    /// <param name="Answer">The response; null if the write may have been applied.</param>
    public sealed record Request(int Number, Verb Verb, string? IfMatch, bool IfNew, long Start, long End = long.MaxValue, Answer? Answer = null)
    {
        public string Name => Number.ToString(CultureInfo.InvariantCulture);

        public override string ToString() =>
            $"{Start,4}-{(Answer is null ? "" : End),-4} {Number,3} {Verb}{(IfMatch is null ? "" : $" If-Match {IfMatch}")}{(IfNew ? " If-None-Match *" : "")} -> {Answer?.ToString() ?? "503, may have been applied"}";
    }

    /// <summary>A response: its status, the entity tag and, for a read, the state.</summary>
    /// <param name="Status">The HTTP status code.</param>
    /// <param name="Tag">The entity tag.</param>
    /// <param name="Writer">The number of the write in the user's name.</param>
    /// <param name="Patches">The patches in the user's attributes.</param>
    public sealed record Answer(int Status, string? Tag = null, int? Writer = null, IReadOnlyList<int>? Patches = null);

    /// <summary>Kinds of requests.</summary>
    public enum Verb
    {
        Get,
        Put,
        Patch,
        Delete,
    }

    /// <summary>A user's state: its last write, and the patches since its last PUT. -1 means that the user does not exist.</summary>
    private readonly record struct State(int Writer, UInt128 Patches)
    {
        public static State None { get; } = new(-1, 0);
    }

    private sealed class Search
    {
        private readonly Request[] _requests;
        private readonly UInt128 _answered;
        private readonly Dictionary<int, string> _tags = [];
        private readonly HashSet<(UInt128 Done, State State)> _seen = [];

        public Search(Request[] requests)
        {
            _requests = requests;
            for (var i = 0; i < requests.Length; i++)
            {
                if (requests[i].Answer is not { } answer)
                {
                    continue;
                }

                _answered |= UInt128.One << i;
                if (answer.Tag is { } tag)
                {
                    // A write that was applied twice would have left two states with the same name.
                    var writer = answer.Writer ?? requests[i].Number;
                    Assert.True(_tags.TryAdd(writer, tag) || _tags[writer] == tag, $"Write {writer} has the tags {tag} and {_tags.GetValueOrDefault(writer)}.");
                }
            }

            Assert.Equal(_tags.Count, _tags.Values.Distinct().Count());
        }

        public bool Succeeds() => Succeeds(0, State.None);

        private bool Succeeds(UInt128 done, State state)
        {
            if ((done & _answered) == _answered)
            {
                return true;
            }

            if (!_seen.Add((done, state)))
            {
                return false;
            }

            Assert.True(_seen.Count < 1_000_000, "Too much of this history is undecided.");

            var firstEnd = long.MaxValue;
            for (var i = 0; i < _requests.Length; i++)
            {
                if ((done & (UInt128.One << i)) == 0)
                {
                    firstEnd = Math.Min(firstEnd, _requests[i].End);
                }
            }

            for (var i = 0; i < _requests.Length && _requests[i].Start <= firstEnd; i++)
            {
                var bit = UInt128.One << i;
                if ((done & bit) == 0 && Apply(_requests[i], state) is { } next && Succeeds(done | bit, next))
                {
                    return true;
                }
            }

            return false;
        }

        /// <returns>The state after the request; null if its response is impossible in this state.</returns>
        private State? Apply(Request request, State state)
        {
            var exists = state.Writer >= 0;
            var holds = (request.IfMatch is null || (exists && _tags.GetValueOrDefault(state.Writer) == request.IfMatch)) && !(request.IfNew && exists);
            var (status, next) = request.Verb switch
            {
                Verb.Put when !holds => (412, state),
                Verb.Put => (exists ? 200 : 201, new(request.Number, 0)),
                _ when !exists => (404, state),
                _ when !holds => (412, state),
                Verb.Get => (200, state),
                Verb.Patch => (200, new(request.Number, state.Patches | (UInt128.One << request.Number))),
                _ => (204, State.None),
            };
            if (request.Answer is not { } answer)
            {
                return next;
            }

            var isExplained = answer.Status == status
                && (request.Verb != Verb.Get || status != 200
                    || (answer.Writer == state.Writer && answer.Patches!.Aggregate(UInt128.Zero, (bits, patch) => bits | (UInt128.One << patch)) == state.Patches));
            return isExplained ? next : null;
        }
    }
}
