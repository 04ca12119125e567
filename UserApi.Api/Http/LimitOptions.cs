using Microsoft.Extensions.Options;

namespace UserApi.Api.Http;

/// <summary>The limits of one process: configuration section <c>Limits</c>.</summary>
internal sealed class LimitOptions
{
    /// <summary>The name of the section.</summary>
    public const string SectionName = "Limits";

    /// <summary>The largest request body, in bytes; a larger one is 413. Default: 65,536. At most 1,048,576.</summary>
    public long MaxBodyBytes { get; set; } = 64 * 1024;

    /// <summary>
    /// How long a request may take, waiting in the queue included; then the response is 503. Its headers may take as long again to arrive;
    /// then the response is 408. Default: 10 s.
    /// </summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long requests are still served after SIGTERM, each with <c>Connection: close</c>, so that callers move to other instances before the
    /// connections are closed. Default: 1 s.
    /// </summary>
    public TimeSpan DrainTime { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long the process may take to end after SIGTERM. Must be more than <see cref="DrainTime"/> and <see cref="RequestTimeout"/> together, and
    /// less than the time after which the platform kills the process. Default: 20 s.
    /// </summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Whether pages of users are compressed for clients that accept it. A caller who can write users and observe the length of pages that others
    /// read could infer the users next to their own (the BREACH attack): set false if that matters. Default: true.
    /// </summary>
    public bool CompressPages { get; set; } = true;

    /// <summary>
    /// The maximum number of open connections; more are closed without a response. Each may hold a body of <see cref="MaxBodyBytes"/> while it waits.
    /// Default: 4,096.
    /// </summary>
    public int MaxConnections { get; set; } = 4096;

    /// <summary>
    /// How many connections one client address (of IPv6: one /64) may have open, unless it is the address of a trusted proxy
    /// (<c>ForwardedHeaders:Networks</c>); more are closed without a response. Default: 1,024.
    /// </summary>
    public int MaxConnectionsPerAddress { get; set; } = 1024;

    /// <summary>
    /// How long an idle connection is kept open. Must be more than the idle timeout of a load balancer in front (60 s by default on AWS),
    /// which would otherwise send requests into connections that are being closed. Default: 75 s.
    /// </summary>
    public TimeSpan KeepAliveTimeout { get; set; } = TimeSpan.FromSeconds(75);

    /// <summary>How many requests work with the store at once. Default: 100, as many as the MongoDB driver has connections.</summary>
    public int MaxConcurrentRequests { get; set; } = 100;

    /// <summary>
    /// How many requests may wait for a place; waiting callers get places in turn. When the queue is full, the newest request of the caller
    /// with the most waiting requests gets 503 at once. Default: 300.
    /// </summary>
    public int MaxQueuedRequests { get; set; } = 300;

    /// <summary>How many requests a second one caller may make on average; over that, 429. A caller is the subject of a token, or else a client
    /// address (of IPv6: a /64). Default: 0, no limit.</summary>
    public int RequestsPerSecondPerCaller { get; set; }

    /// <summary>How many requests a caller may make at once, on top of the average. Default: 100.</summary>
    public int BurstPerCaller { get; set; } = 100;
}

internal sealed class LimitOptionsValidator : IValidateOptions<LimitOptions>
{
    public ValidateOptionsResult Validate(string? name, LimitOptions options)
    {
        var failures = new List<string>();
        Require(options.MaxBodyBytes is > 0 and <= 1024 * 1024, "Limits:MaxBodyBytes must be from 1 to 1,048,576.");
        Require(options.RequestTimeout > TimeSpan.Zero, "Limits:RequestTimeout must be more than 0.");
        Require(options.DrainTime >= TimeSpan.Zero, "Limits:DrainTime must be at least 0.");
        Require(
            options.ShutdownTimeout > options.DrainTime + options.RequestTimeout,
            "Limits:ShutdownTimeout must be more than Limits:DrainTime and Limits:RequestTimeout together.");
        Require(options.MaxConnections > 0, "Limits:MaxConnections must be at least 1.");
        Require(options.MaxConnectionsPerAddress > 0, "Limits:MaxConnectionsPerAddress must be at least 1.");
        Require(options.KeepAliveTimeout > TimeSpan.Zero, "Limits:KeepAliveTimeout must be more than 0.");
        Require(options.MaxConcurrentRequests > 0, "Limits:MaxConcurrentRequests must be at least 1.");
        Require(options.MaxQueuedRequests >= 0, "Limits:MaxQueuedRequests must be at least 0.");
        Require(options.RequestsPerSecondPerCaller >= 0, "Limits:RequestsPerSecondPerCaller must be at least 0.");
        Require(options.BurstPerCaller > 0, "Limits:BurstPerCaller must be at least 1.");
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures);

        void Require(bool holds, string rule)
        {
            if (!holds)
            {
                failures.Add(rule);
            }
        }
    }
}
