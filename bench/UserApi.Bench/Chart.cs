using System.Globalization;
using System.Text;

namespace UserApi.Bench;

/// <summary>A bar chart of requests per second, with UserApi in another colour; readable on light and dark pages.</summary>
internal static class Chart
{
    private const int Width = 720;
    private const int Labels = 200;
    private const int Numbers = 70;
    private const int Bar = 18;
    private const int Gap = 6;

    public static string Title(Workload workload) => workload switch
    {
        Workload.Get => "GET",
        Workload.Put => "PUT, return=minimal",
        Workload.PutAnswered => "PUT, answered with the user",
        Workload.Page => "page of 50",
        Workload.Mix => "90 GET to 10 PUT",
        _ => "GET, refused (429)",
    };

    public static string Draw(IReadOnlyList<Row> rows, string database)
    {
        var connections = rows.Max(row => row.Connections);
        var shown = rows.Where(row => row.Connections == connections).GroupBy(row => row.Workload).ToArray();
        var scale = (Width - Labels - Numbers) / shown.SelectMany(group => group).Max(Speed);
        var (body, y) = (new StringBuilder(), 8 + Bar);
        Text(0, y, $"MongoDB here is {database}.");
        foreach (var group in shown)
        {
            y += Bar;
            Text(0, y, $"{Title(group.Key)}, requests/s at {connections} connections", "bold");
            y += Gap;
            foreach (var row in group.OrderByDescending(Speed))
            {
                var length = Speed(row) * scale;
                var colour = row.Contender.StartsWith("UserApi", StringComparison.Ordinal) ? "#7c4dff" : "#90a4ae";
                Line($"""<rect x="{Labels}" y="{y}" width="{length:0.0}" height="{Bar}" fill="{colour}"/>""");
                Text(0, y + 13, row.Contender);
                Text(Labels + length + Gap, y + 13, $"{Speed(row):n0}");
                y += Bar + Gap;
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $$"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{Width}} {{y + Gap}}" font-family="sans-serif" font-size="12">
            <style>text { fill: #37474f } @media (prefers-color-scheme: dark) { text { fill: #eceff1 } }</style>
            {{body}}</svg>

            """);

        void Text(double x, double top, string text, string weight = "normal") =>
            Line($"""<text x="{x:0.0}" y="{top}" font-weight="{weight}">{text}</text>""");

        void Line(FormattableString line) => body.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static double Speed(Row row) => row.Median(round => round.RequestsPerSecond);
}
