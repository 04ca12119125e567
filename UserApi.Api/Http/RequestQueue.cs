using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>
/// Bounds how many handlers use the store at once, fairly between callers. A handler takes a place once its request's body is there, and gives
/// it back with its result, before that is sent: a client that sends or reads slowly holds nobody up. What has no such filter, or is refused
/// before its handler, takes no place.
/// </summary>
internal sealed class RequestQueue(IOptions<LimitOptions> limits) : IEndpointFilter
{
    /// <summary>503: the queue is full.</summary>
    public static Problem Busy { get; } = new(StatusCodes.Status503ServiceUnavailable, "Too many requests are waiting already. Send fewer at once.")
    {
        Kind = new("/problems/busy", "Busy"),
    };

    private readonly FairQueue<Caller> _queue = new(limits.Value.MaxConcurrentRequests, limits.Value.MaxQueuedRequests);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        if (context.Arguments is [IBoundRequest { Problem: { } problem }, ..])
        {
            return problem;
        }

        var http = context.HttpContext;
        using var body = await BodyBuffering.ReceiveAsync(http);
        if (!_queue.TryEnter() && !await _queue.EnterAsync(Caller.Of(http), http.RequestAborted))
        {
            return Busy;
        }

        try
        {
            return await next(context);
        }
        finally
        {
            _queue.Leave();
        }
    }
}

/// <summary>What a handler is given of a request as its first parameter. Where it says that something is wrong, the handler is not called.</summary>
internal interface IBoundRequest
{
    /// <summary>What is wrong with the request.</summary>
    Problem? Problem { get; }
}
