using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using UserApi.Tests.Infrastructure;
using static UserApi.Tests.Reliability.UserHistory;

namespace UserApi.Tests.Reliability;

/// <summary>Sends requests for users and records their histories.</summary>
internal static class Callers
{
    /// <summary>Sends one request and records its response; fails unless that is right or a well-formed 503.</summary>
    /// <param name="client">The client.</param>
    /// <param name="user">The history of the request's user.</param>
    /// <param name="request">The request from <see cref="UserHistory.Begin"/>.</param>
    /// <returns>The response, with an entity tag only if it is the user's current one; null if it was 503.</returns>
    public static async Task<Answer?> SendAsync(this HttpClient client, UserHistory user, Request request)
    {
        (string, string)[] headers = request.IfMatch is { } tag ? [("If-Match", tag)] : request.IfNew ? [("If-None-Match", "*")] : [];
        using var response = await (request.Verb switch
        {
            Verb.Get => client.Get(user.Id, headers),
            Verb.Put => client.Put(user.Id, $$"""{"name":"{{request.Name}}"}""", headers),
            Verb.Patch => client.Patch(user.Id, $$$"""{"name":"{{{request.Name}}}","attributes":{"{{{request.Name}}}":""}}""", headers),
            _ => client.Delete(user.Id, headers),
        });
        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            Assert.Equal(TimeSpan.FromSeconds(1), response.Headers.RetryAfter?.Delta);
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
            if (request.Verb != Verb.Get && (await response.Text()).Contains("may have been applied", StringComparison.Ordinal))
            {
                user.MayHaveBeenApplied(request);
            }

            return null;
        }

        var answer = new Answer((int)response.StatusCode, response.Headers.ETag?.Tag);
        if (request.Verb == Verb.Get && response.StatusCode == HttpStatusCode.OK)
        {
            var state = await response.Read();
            answer = answer with { Writer = Number(state.GetProperty("name").GetString()!), Patches = PatchesOf(state) };
        }

        user.End(request, answer);
        return answer;
    }

    private static int Number(string name) => int.Parse(name, CultureInfo.InvariantCulture);

    private static IReadOnlyList<int> PatchesOf(JsonElement state) =>
        state.TryGetProperty("attributes", out var attributes) ? [.. attributes.EnumerateObject().Select(attribute => Number(attribute.Name))] : [];
}

/// <summary>
/// A few callers who read and write the same few users without pause, with and without preconditions, and the results.
/// </summary>
internal sealed class Load : IAsyncDisposable
{
    private const int CallerCount = 6;

    // Histories are short, and a caller who does not know whether its write was applied changes to another user, so that the search stays small.
    private static readonly TimeSpan s_life = TimeSpan.FromMilliseconds(250);

    private readonly HttpClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<UserHistory> _users = [];
    private readonly ConcurrentQueue<Sample> _samples = [];
    private readonly Metronome _metronome = new();
    private readonly Task _calling;

    public Load(HttpClient client)
    {
        _client = client;
        _calling = Task.WhenAll(Enumerable.Range(0, CallerCount).Select(CallAsync).Append(RenewAsync()));
    }

    /// <summary>When a request was sent, how long its response took, and whether it was a 503.</summary>
    public sealed record Sample(long Sent, TimeSpan Took, bool Failed);

    public IReadOnlyCollection<Sample> Samples => _samples;

    /// <summary>The longest delay of the machine's own timers meanwhile.</summary>
    public TimeSpan Stall => _metronome.Stall;

    /// <summary>Ends the load, reads every user once more, and fails unless all responses can be explained.</summary>
    public async Task<IReadOnlyDictionary<string, Answer>> VerifyAsync()
    {
        await _stop.CancelAsync();
        await _calling;
        var last = new Dictionary<string, Answer>();
        foreach (var user in _users)
        {
            var answer = await _client.SendAsync(user, user.Begin(Verb.Get));
            Assert.NotNull(answer);
            last.Add(user.Id, answer);
            user.Verify();
        }

        return last;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _calling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _metronome.DisposeAsync();
    }

    private async Task RenewAsync()
    {
        var lives = 0;
        while (!_stop.IsCancellationRequested)
        {
            _users.Enqueue(new($"u{lives++}"));
            await Task.Delay(s_life, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task CallAsync(int caller)
    {
        var random = new Random(caller);
        UserHistory? user = null;
        string? tag = null;
        var hasLeft = false;
        while (!_stop.IsCancellationRequested)
        {
            if (_users.LastOrDefault() is { } newest && newest != user)
            {
                (user, tag, hasLeft) = (newest, null, false);
            }

            if (user is { IsFull: false } && !hasLeft)
            {
                var (verb, ifMatch, ifNew) = random.Next(10) switch
                {
                    < 4 => (Verb.Get, null, false),
                    < 6 => (Verb.Put, null, false),
                    < 8 => (Verb.Put, tag, tag is null),
                    < 9 => (Verb.Delete, tag, false),
                    _ => (Verb.Patch, (string?)null, false),
                };
                var request = user.Begin(verb, ifMatch, ifNew);
                var sent = Stopwatch.GetTimestamp();
                var answer = await _client.SendAsync(user, request);
                _samples.Enqueue(new(sent, Stopwatch.GetElapsedTime(sent), answer is null));
                hasLeft = answer is null && verb != Verb.Get;
                tag = answer is null ? tag : answer.Tag;
            }

            await Task.Delay(random.Next(5, 20));
        }
    }
}
