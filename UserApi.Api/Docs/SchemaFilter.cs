using System.ComponentModel;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;

namespace UserApi.Api.Docs;

/// <summary>
/// Makes a schema say what the JSON of the API is like: a member whose type allows null is left out where there is none, not sent as
/// null, unless it says <see cref="JsonIgnoreCondition.Never"/>. Descriptions are those of <see cref="DescriptionAttribute"/>.
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
        lock (s_nullability) // is not safe for several threads
        {
            return s_nullability.Create(member).ReadState == NullabilityState.Nullable;
        }
    }
}

/// <summary>What the schema of a member says beyond its type.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal abstract class SchemaAttribute : Attribute
{
    /// <summary>Adds it.</summary>
    public abstract void Apply(OpenApiSchema schema);
}
