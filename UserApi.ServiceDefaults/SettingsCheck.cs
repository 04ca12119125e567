using System.Collections;
using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;

namespace UserApi.ServiceDefaults;

/// <summary>Compares sections of a configuration with the properties of their options classes.</summary>
internal sealed class SettingsCheck(IConfiguration configuration)
{
    /// <summary>A sentence for each unknown name.</summary>
    public List<string> UnknownNames { get; } = [];

    /// <summary>A rule for each value with a wrong type.</summary>
    public List<string> BadValues { get; } = [];

    /// <summary>Checks everything in one section.</summary>
    public void Check(SettingSection section) => CheckObject(configuration.GetSection(section.Name), section.Options, section.IsShared);

    private void CheckObject(IConfigurationSection section, Type type, bool isShared = false)
    {
        foreach (var child in section.GetChildren())
        {
            const BindingFlags IgnoreCase = BindingFlags.Public | BindingFlags.Instance | BindingFlags.IgnoreCase;
            if (type.GetProperty(child.Key, IgnoreCase) is { } property)
            {
                CheckValue(child, property.PropertyType);
                continue;
            }

            var (nearest, distance) = EditDistance.Nearest(child.Key, type.GetProperties().Select(known => known.Name));
            if (!isShared || distance <= 2)
            {
                var known = $"{section.Path}:{nearest}";
                UnknownNames.Add($"{child.Path} is not a setting. The nearest name is {known} ({Variable(known)}).");
            }
        }
    }

    private void CheckValue(IConfigurationSection setting, Type type)
    {
        if (type != typeof(string) && type.IsAssignableTo(typeof(IEnumerable)))
        {
            Require(string.IsNullOrEmpty(setting.Value), $"{setting.Path} is a list: its first value must be in {setting.Path}:0 ({Variable($"{setting.Path}:0")}).");
            foreach (var item in setting.GetChildren())
            {
                CheckValue(item, type.GetGenericArguments()[0]);
            }
        }
        else if (type.IsClass && type != typeof(string))
        {
            CheckObject(setting, type);
        }
        else
        {
            UnknownNames.AddRange(setting.GetChildren().Select(child => $"{child.Path} is not a setting. {setting.Path} has one value."));
            var isOptional = Nullable.GetUnderlyingType(type) is not null;
            if (setting.Value is { } value && !(isOptional && value.Length == 0))
            {
                CheckText(setting.Path, value, Nullable.GetUnderlyingType(type) ?? type);
            }
        }
    }

    private void CheckText(string path, string value, Type type)
    {
        if (type == typeof(TimeSpan))
        {
            var isTime = TimeSpan.TryParse(value, CultureInfo.InvariantCulture, out var time);
            var isNumber = isTime && !value.Contains(':', StringComparison.Ordinal);
            Require(isTime && !isNumber, isNumber
                ? $"{path} must be a time such as 00:00:05; '{value}' would be {time.TotalDays:0} days."
                : $"{path} must be a time such as 00:00:05, not '{value}'.");
        }
        else if (type.IsEnum)
        {
            var names = Enum.GetNames(type);
            Require(names.Contains(value, StringComparer.OrdinalIgnoreCase), $"{path} must be {string.Join(", ", names[..^1])} or {names[^1]}, not '{value}'.");
        }
        else if (type == typeof(bool))
        {
            Require(bool.TryParse(value, out _), $"{path} must be true or false, not '{value}'.");
        }
        else if (type != typeof(string))
        {
            Require(TypeDescriptor.GetConverter(type).IsValid(value), $"{path} must be a whole number, not '{value}'.");
        }
    }

    /// <summary>The environment variable of a setting.</summary>
    private static string Variable(string path) => path.Replace(":", "__", StringComparison.Ordinal);

    private void Require(bool holds, string rule)
    {
        if (!holds)
        {
            BadValues.Add(rule);
        }
    }
}
