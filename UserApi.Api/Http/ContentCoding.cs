using System.IO.Compression;
using Microsoft.Net.Http.Headers;

namespace UserApi.Api.Http;

/// <summary>A content coding that responses can be sent in (RFC 9110 section 8.4.1).</summary>
internal sealed class ContentCoding
{
    // If a client prefers several equally, the first one is chosen.
    private static readonly ContentCoding[] s_all =
    [
        new("br", (compressed, level) => new BrotliStream(compressed, level, leaveOpen: true)),
        new("gzip", (compressed, level) => new GZipStream(compressed, level, leaveOpen: true)),
    ];

    private readonly Func<Stream, CompressionLevel, Stream> _open;

    private ContentCoding(string name, Func<Stream, CompressionLevel, Stream> open) => (Name, _open) = (name, open);

    /// <summary>Its name in <c>Accept-Encoding</c> and <c>Content-Encoding</c>.</summary>
    public string Name { get; }

    /// <summary>
    /// Chooses the coding that the client prefers (RFC 9110 section 12.5.3). Null: the response must not be compressed. A response that depends on this
    /// must have <c>Vary: Accept-Encoding</c>.
    /// </summary>
    public static ContentCoding? Choose(HttpRequest request)
    {
        if (request.Headers.AcceptEncoding is not { Count: > 0 } header || !StringWithQualityHeaderValue.TryParseList(header, out var accepted))
        {
            return null;
        }

        var others = QualityOf("*", 0);
        var best = s_all.MaxBy(coding => QualityOf(coding.Name, others))!;
        var quality = QualityOf(best.Name, others);
        return quality > 0 && quality >= QualityOf("identity", 0) ? best : null;

        double QualityOf(string coding, double otherwise) =>
            accepted.FirstOrDefault(each => each.Value.Equals(coding, StringComparison.OrdinalIgnoreCase)) is { } named ? named.Quality ?? 1 : otherwise;
    }

    /// <summary>Compresses a whole body.</summary>
    public ReadOnlyMemory<byte> Compress(ReadOnlySpan<byte> body, CompressionLevel level)
    {
        var compressed = new MemoryStream(body.Length / 2);
        using (var stream = _open(compressed, level))
        {
            stream.Write(body);
        }

        return compressed.GetBuffer().AsMemory(0, (int)compressed.Length);
    }
}
