using System.ComponentModel;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace UserApi.Api.Docs;

/// <summary>
/// Makes schemas match the JSON of the API: a member whose value is null is left out, not sent as null, unless it has
/// <see cref="JsonIgnoreCondition.Never"/>. Descriptions come from <see cref="DescriptionAttribute"/>.
/// </summary>
internal sealed class SchemaFilter : ISchemaFilter
{
    private static readonly NullabilityInfoContext s_nullability = new();

    public void Apply(IOpenApiSchema schema, SchemaFilterContext context)
    {
        if (schema is not OpenApiSchema described)
        {
            return;
        }

        if (context.MemberInfo is PropertyInfo property)
        {
            described.Description = property.GetCustomAttribute<DescriptionAttribute>()?.Description;
            foreach (var rule in property.GetCustomAttributes<SchemaAttribute>())
            {
                rule.Apply(described);
            }
        }
        else if (context.Type.GetCustomAttribute<DescriptionAttribute>() is { } description)
        {
            described.Description = description.Description;
        }
        else if (described.Properties is { Count: > 0 })
        {
            described.AdditionalPropertiesAllowed = true;
            described.Required = context.Type.GetProperties().Where(IsAlwaysThere).Select(Name).Where(described.Properties.ContainsKey).ToHashSet();
            foreach (var member in context.Type.GetProperties().Where(member => described.Properties.ContainsKey(Name(member))))
            {
                SetNull((OpenApiSchema)described.Properties[Name(member)], IsAlwaysThere(member) && IsNullable(member));
            }
        }

        static string Name(PropertyInfo member) => JsonNamingPolicy.CamelCase.ConvertName(member.Name);

        static void SetNull(OpenApiSchema member, bool isNull) =>
            member.Type = isNull ? member.Type | JsonSchemaType.Null : member.Type & ~JsonSchemaType.Null;
    }

    private static bool IsAlwaysThere(PropertyInfo member) =>
        !IsNullable(member) || member.GetCustomAttribute<JsonIgnoreAttribute>()?.Condition == JsonIgnoreCondition.Never;

    private static bool IsNullable(PropertyInfo member)
    {
        lock (s_nullability) // not thread-safe
        {
            return s_nullability.Create(member).ReadState == NullabilityState.Nullable;
        }
    }
}

/// <summary>What the schema of a member says in addition to its type.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal abstract class SchemaAttribute : Attribute
{
    /// <summary>Adds this to the schema.</summary>
    public abstract void Apply(OpenApiSchema schema);
}
