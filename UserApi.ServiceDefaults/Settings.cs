using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace UserApi.ServiceDefaults;

/// <summary>A section of the configuration whose names are the properties of an options class.</summary>
/// <param name="Name">The section's name.</param>
/// <param name="Options">The options class.</param>
/// <param name="IsShared">Whether other programs have settings in it, too, so that only a name that is similar to one of ours is reported.</param>
public sealed record SettingSection(string Name, Type Options, bool IsShared = false);

/// <summary>
/// Settings that are checked before anything starts: every name in a section must be a property of its options class, every value must be
/// of that property's type, and then the validators of the options must agree.
/// </summary>
public static partial class Settings
{
    /// <summary>Binds a section to an options class that has a validator.</summary>
    /// <param name="builder">The service.</param>
    /// <param name="section">The section's name.</param>
    public static void AddSettings<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] TOptions, TValidator>(
        this IHostApplicationBuilder builder, string section)
        where TOptions : class
        where TValidator : class, IValidateOptions<TOptions>
    {
        builder.Services.AddSingleton(new SettingSection(section, typeof(TOptions)));
        builder.Services.AddOptionsWithValidateOnStart<TOptions, TValidator>().BindConfiguration(section);
    }

    /// <summary>Binds a section to an options class that has no validator.</summary>
    /// <param name="builder">The service.</param>
    /// <param name="section">The section's name.</param>
    /// <param name="isShared">See <see cref="SettingSection.IsShared"/>.</param>
    public static void AddSettings<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.All)] TOptions>(
        this IHostApplicationBuilder builder, string section, bool isShared = false)
        where TOptions : class
    {
        builder.Services.AddSingleton(new SettingSection(section, typeof(TOptions), isShared));
        builder.Services.AddOptionsWithValidateOnStart<TOptions>().BindConfiguration(section);
    }

    /// <summary>
    /// Checks names and types before anything is bound. An unknown name is a warning in Development and stops the start elsewhere, because it
    /// may be a limit or a database that somebody believes to be set.
    /// </summary>
    /// <param name="builder">The service, with all its sections added.</param>
    /// <exception cref="OptionsValidationException">Has one failure per wrong setting.</exception>
    public static void CheckSettings(this IHostApplicationBuilder builder)
    {
        var check = new SettingsCheck(builder.Configuration);
        foreach (var section in builder.Services.Select(service => service.ImplementationInstance).OfType<SettingSection>())
        {
            check.Check(section);
        }

        Refuse(builder.Environment.IsDevelopment() ? check.BadValues : [.. check.UnknownNames, .. check.BadValues]);
        builder.Services.AddSingleton(check);
    }

    /// <summary>Runs the validators of all options before the host does, because the host would log a failure with its stack trace.</summary>
    /// <param name="host">The service.</param>
    /// <exception cref="OptionsValidationException">Has one failure per violated rule.</exception>
    public static void ValidateSettings(this IHost host)
    {
        var logger = host.Services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Settings));
        host.Services.GetRequiredService<SettingsCheck>().UnknownNames.ForEach(unknown => LogUnknown(logger, unknown));
        Refuse(Validate(host.Services.GetRequiredService<IStartupValidator>()));
    }

    private static void Refuse(List<string> failures)
    {
        if (failures.Count > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(Settings), failures.Distinct());
        }
    }

    private static List<string> Validate(IStartupValidator validator)
    {
        try
        {
            validator.Validate();
            return [];
        }
        catch (OptionsValidationException e)
        {
            return [.. e.Failures];
        }
        catch (AggregateException e) when (e.InnerExceptions.All(inner => inner is OptionsValidationException))
        {
            return [.. e.InnerExceptions.Cast<OptionsValidationException>().SelectMany(inner => inner.Failures)];
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "{Unknown}")]
    private static partial void LogUnknown(ILogger logger, string unknown);
}
