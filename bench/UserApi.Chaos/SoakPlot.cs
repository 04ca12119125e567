using System.Globalization;
using System.Text;

namespace UserApi.Chaos;

/// <summary>Plots the processes' resources over time: a panel per resource, a line per store.</summary>
internal static class SoakPlot
{
    private const int Width = 640;
    private const int Height = 110;
    private const int Left = 60;
    private const int Gap = 40;
    private static readonly string[] s_colors = ["#1f77b4", "#d62728"];

    public static Task WriteAsync(string path, IReadOnlyList<(string Store, Sampler Sampler)> runs, CancellationToken cancellationToken)
    {
        List<Func<Sampler, Series>> kinds = [sampler => sampler.Memory, sampler => sampler.Handles, sampler => sampler.Threads, sampler => sampler.Connections];
        var seconds = runs.Max(run => run.Sampler.Memory.Points[^1].Seconds);
        var svg = new StringBuilder();
        Add($"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Left + Width + 20} {kinds.Count * (Height + Gap) + Gap}" font-family="sans-serif" font-size="11">""");
        Add($"""<rect width="100%" height="100%" fill="white"/>""");
        for (var panel = 0; panel < kinds.Count; panel++)
        {
            var lines = runs.Select(run => kinds[panel](run.Sampler)).ToList();
            var top = Math.Max(1, lines.SelectMany(line => line.Points).Max(point => point.Value) * 1.15);
            var y = Gap + panel * (Height + Gap);
            Add($"""<text x="{Left}" y="{y - 6}">{lines[0].Name}{(lines[0].Unit.Length > 0 ? $", {lines[0].Unit}" : "")}</text>""");
            Add($"""<path d="M{Left} {y}v{Height}h{Width}" fill="none" stroke="#999"/>""");
            Add($"""<text x="{Left - 6}" y="{y + 8}" text-anchor="end">{top:0}</text><text x="{Left - 6}" y="{y + Height}" text-anchor="end">0</text>""");
            Add($"""<text x="{Left + Width}" y="{y + Height + 14}" text-anchor="end">{seconds / 60:0.#} min</text>""");
            for (var line = 0; line < lines.Count; line++)
            {
                var points = lines[line].Points.Select(point => string.Create(
                    CultureInfo.InvariantCulture, $"{Left + point.Seconds / seconds * Width:0.#},{y + Height - point.Value / top * Height:0.#}"));
                Add($"""<polyline points="{string.Join(' ', points)}" fill="none" stroke="{s_colors[line]}" stroke-width="1.5"/>""");
            }
        }

        for (var run = 0; run < runs.Count; run++)
        {
            Add($"""<text x="{Left + Width - 160 + run * 90}" y="16" fill="{s_colors[run]}">{runs[run].Store}</text>""");
        }

        Add($"</svg>");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return File.WriteAllTextAsync(path, svg.ToString(), cancellationToken);

        void Add(FormattableString line) => svg.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
