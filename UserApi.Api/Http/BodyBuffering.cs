using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using BadHttpRequestException = Microsoft.AspNetCore.Http.BadHttpRequestException;

namespace UserApi.Api.Http;

/// <summary>Waits for the whole body of a request, so that a client that sends slowly does not occupy a place that others wait for.</summary>
internal static class BodyBuffering
{
    private static readonly PipeOptions s_unbounded = new(pauseWriterThreshold: 0, useSynchronizationContext: false);

    /// <summary>
    /// Receives the body; <see cref="HttpRequest.BodyReader"/> then has all of it. A body that arrived together with the headers stays in the
    /// server's buffer. Any other is moved to a separate buffer as it arrives: if it were only examined and left in the server's buffer, an
    /// HTTP/2 client could send more than the stream's window, and the server would close the connection (FLOW_CONTROL_ERROR).
    /// </summary>
    /// <returns>The buffer, which must be disposed with the request; null if there is none.</returns>
    /// <exception cref="BadHttpRequestException">The body is malformed or too large, or the client has closed the connection.</exception>
    public static async ValueTask<IDisposable?> ReceiveAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
        {
            return null;
        }

        // Not by a cancellation token: for Kestrel, a read cancelled that way never ends, and it logs that as the application's error.
        var reader = http.Request.BodyReader;
        using var cancellation = http.RequestAborted.UnsafeRegister(CancelPendingRead, reader);
        BufferedBody? body = null;
        try
        {
            while (true)
            {
                var read = await reader.ReadAsync(CancellationToken.None);
                if (body is null && read.IsCompleted)
                {
                    reader.AdvanceTo(read.Buffer.Start);
                    return null;
                }

                body ??= new();
                foreach (var segment in read.Buffer)
                {
                    body.Writer.Write(segment.Span);
                }

                reader.AdvanceTo(read.Buffer.End);
                http.RequestAborted.ThrowIfCancellationRequested();
                if (read.IsCompleted)
                {
                    await body.Writer.CompleteAsync();
                    http.Features.Set<IRequestBodyPipeFeature>(body);
                    return body;
                }
            }
        }
        catch (Exception e)
        {
            body?.Dispose();
            if (e is ConnectionResetException)
            {
                // Otherwise Kestrel would try to read the rest, fail, and log that as the application's error.
                http.Abort();
            }

            if (e is IOException and not BadHttpRequestException)
            {
                // The length of a chunk is too large for a number, or the client has closed the connection.
                throw new BadHttpRequestException(e.Message, e);
            }

            throw;
        }
    }

    private static void CancelPendingRead(object? reader)
    {
        try
        {
            ((PipeReader)reader!).CancelPendingRead();
        }
        catch (ConnectionAbortedException)
        {
            // The read has already ended with the connection.
        }
    }

    private sealed class BufferedBody : IRequestBodyPipeFeature, IDisposable
    {
        private readonly Pipe _pipe = new(s_unbounded);

        public PipeWriter Writer => _pipe.Writer;

        public PipeReader Reader => _pipe.Reader;

        public void Dispose()
        {
            Writer.Complete();
            Reader.Complete();
        }
    }
}
