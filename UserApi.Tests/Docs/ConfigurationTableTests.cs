using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Xml.Linq;
using UserApi.Api.Http;
using UserApi.ServiceDefaults;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

/// <summary>The table of settings in docs/configuration.md agrees with the options classes.</summary>
public class ConfigurationTableTests
{
    // Settings in the table that ASP.NET Core or OpenTelemetry reads, so that no options class has them.
    private static readonly string[] s_platform =
        ["AllowedHosts", "contentRoot", "Logging:LogLevel:*", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "urls"];

    private static readonly Assembly[] s_assemblies = [typeof(LimitOptions).Assembly, typeof(TelemetryOptions).Assembly];

    private static List<(string Section, Type Type)> Classes { get; } =
    [
        .. s_assemblies.SelectMany(assembly => assembly.GetTypes())
            .Select(type => (type.GetField("SectionName")?.GetValue(null) as string, type))
            .Where(pair => pair.Item1 is not null)
            .Select(pair => (pair.Item1!, pair.type)),
    ];

    [Fact]
    public void The_table_has_a_row_for_each_setting_and_no_other_with_its_default()
    {
        var settings = Classes.SelectMany(options => Settings(options.Section, Activator.CreateInstance(options.Type)!)).ToDictionary(StringComparer.OrdinalIgnoreCase);
        var rows = File.ReadLines(Repository.File("docs", "configuration.md"))
            .SkipWhile(line => !line.StartsWith("|---", StringComparison.Ordinal))
            .Skip(1)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .SelectMany(cells => cells[1].Split(", ").Select(name => (Name: name.Trim('`'), Default: cells[2], Text: cells[3])))
            .ToList();

        Assert.Equal(
            settings.Keys.Concat(s_platform).Order(StringComparer.OrdinalIgnoreCase),
            rows.Select(row => row.Name).Order(StringComparer.OrdinalIgnoreCase),
            StringComparer.OrdinalIgnoreCase);
        Assert.All(rows, row => Assert.NotEmpty(row.Text));
        Assert.All(rows.Where(row => settings.ContainsKey(row.Name)), row =>
        {
            // The only default that depends on the environment.
            var expected = row.Name == "Authentication:AllowAnonymous" ? "in Development `true`, else `false`" : settings[row.Name];
            Assert.Equal((row.Name, expected), (row.Name, row.Default));
        });
    }

    [Fact]
    public void Each_setting_is_documented_where_it_is_declared()
    {
        var documented = s_assemblies
            .SelectMany(assembly => XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member"))
            .ToDictionary(member => member.Attribute("name")!.Value, member => member.Elements().Any(element => element.Name.LocalName is "summary" or "inheritdoc"));
        var types = Classes.Select(options => options.Type).Concat([typeof(SchemeOptions), typeof(BearerSchemeOptions), typeof(SigningKeyOptions), typeof(AddressOptions)]);

        Assert.All(
            types.SelectMany(type => type.GetProperties()),
            property => Assert.True(documented.GetValueOrDefault($"P:{property.DeclaringType!.FullName}.{property.Name}"), $"{property.DeclaringType}.{property.Name}"));
    }

    private static IEnumerable<(string Name, string Default)> Settings(string section, object options) =>
        options.GetType().GetProperties().Select(property => property.PropertyType == typeof(SchemeOptions)
            ? ($"{section}:{property.Name}:Bearer:*", "") // ASP.NET Core's settings, in one row
            : ($"{section}:{property.Name}", Format(property.GetValue(options))));

    private static string Format(object? value) => value switch
    {
        null or "" => "",
        IEnumerable list and not string => Assert.IsAssignableFrom<ICollection>(list).Count == 0 ? "" : throw new InvalidOperationException("A list must not have a default."),
        bool isSet => isSet ? "`true`" : "`false`",
        TimeSpan time => $"`{(time.Ticks % TimeSpan.TicksPerSecond == 0 ? $"{time:c}" : $"{time:c}".TrimEnd('0'))}`",
        _ => $"`{Convert.ToString(value, CultureInfo.InvariantCulture)}`",
    };
}
