using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>
/// Bounds how many handlers use the store at once, fairly between callers. A handler takes a place once its request's body is there, and gives
/// it back with its result, before that is sent: a client that sends or reads slowly delays nobody. Endpoints without this filter, and requests that are refused
/// before the handler, take no place.
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

/// <summary>The first parameter of a handler, read from the request. If it has a problem, the handler is not called.</summary>
internal interface IBoundRequest
{
    /// <summary>What is wrong with the request.</summary>
    Problem? Problem { get; }
}
