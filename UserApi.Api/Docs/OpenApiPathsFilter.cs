using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;
using UserApi.Api.Http;

namespace UserApi.Api.Docs;

/// <summary>
/// Makes the paths of the OpenAPI document from what the routes say of themselves, see <see cref="EndpointDocs"/>. Nothing is inferred from
/// the handlers: their signatures do not show headers, statuses or limits.
/// </summary>
/// <param name="endpoints">The routes of the API.</param>
internal sealed class OpenApiPathsFilter(EndpointDataSource endpoints) : IDocumentFilter
{
    /// <summary>The name of the security scheme.</summary>
    public const string Bearer = "Bearer";

    // RFC 9110 section 9.3.2 says what HEAD is: nothing of it has to be documented, and a client needs no method for it.
    private static readonly string[] s_documentedMethods = ["GET", "POST", "PUT", "PATCH", "DELETE"];

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new InstantConverter() },
    };

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        swaggerDoc.Tags = new HashSet<OpenApiTag>
        {
            new() { Name = "Users", Description = "The users. `If-Match` and `If-None-Match` make a request conditional (RFC 9110 section 13)." },
            new() { Name = "Operation", Description = "For load balancers, alarms and people." },
        };
        foreach (var endpoint in endpoints.Endpoints.OfType<RouteEndpoint>())
        {
            var responses = endpoint.Metadata.GetOrderedMetadata<ResponseDocs>();
            if (responses.Count == 0)
            {
                continue;
            }

            var path = "/" + endpoint.RoutePattern.RawText!.Trim('/');
            if (!swaggerDoc.Paths.TryGetValue(path, out var item))
            {
                swaggerDoc.Paths.Add(path, item = new OpenApiPathItem());
            }

            var methods = endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? [HttpMethods.Get];
            foreach (var method in methods.Intersect(s_documentedMethods))
            {
                ((OpenApiPathItem)item).AddOperation(new(method), Describe(endpoint.Metadata, swaggerDoc, context));
            }
        }
    }

    private static OpenApiOperation Describe(EndpointMetadataCollection metadata, OpenApiDocument document, DocumentFilterContext context)
    {
        var body = metadata.GetMetadata<BodyDocs>();
        return new()
        {
            OperationId = metadata.GetMetadata<IEndpointNameMetadata>()?.EndpointName,
            Summary = metadata.GetMetadata<IEndpointSummaryMetadata>()?.Summary,
            Description = metadata.GetMetadata<IEndpointDescriptionMetadata>()?.Description,
            Tags = metadata.GetMetadata<ITagsMetadata>()?.Tags.Select(tag => new OpenApiTagReference(tag, document)).ToHashSet(),
            Parameters = [.. metadata.GetOrderedMetadata<ParameterDocs>().Select(Describe)],
            RequestBody = body is null ? null : new OpenApiRequestBody
            {
                Required = true,
                Description = body.Description,
                Content = Content(context, body.MediaType, [body.Example]),
            },
            Responses = Describe(metadata.GetOrderedMetadata<ResponseDocs>(), context),
            Security = metadata.GetMetadata<IAuthorizeData>() is null
                ? []
                : [new() { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] }],
        };
    }

    private static OpenApiParameter Describe(ParameterDocs parameter)
    {
        var isObject = parameter.Type == typeof(Dictionary<string, string>);
        var described = new OpenApiParameter
        {
            Name = parameter.Name,
            In = Enum.Parse<ParameterLocation>(parameter.Place.ToString()),
            Required = parameter.Place == ParameterPlace.Path,
            Description = parameter.Description,
            Schema = parameter.Type == typeof(int)
                ? new OpenApiSchema
                {
                    Type = JsonSchemaType.Integer,
                    Format = "int32",
                    Minimum = parameter.Min?.ToString(),
                    Maximum = parameter.Max?.ToString(),
                    Default = parameter.Default,
                }
                : isObject ? new OpenApiSchema
                {
                    Type = JsonSchemaType.Object,
                    AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.String },
                    MaxProperties = parameter.Max,
                }
                : parameter.Type == typeof(bool) ? new OpenApiSchema { Type = JsonSchemaType.Boolean, Default = false }
                : new OpenApiSchema { Type = JsonSchemaType.String, MinLength = parameter.Min, MaxLength = parameter.Max },

            // Swagger UI sends the only example of a parameter, so what is optional begins with an empty one.
            Example = parameter.Place == ParameterPlace.Path ? parameter.Example : null,
            Examples = parameter.Place == ParameterPlace.Path || parameter.Example is null ? null : new Dictionary<string, IOpenApiExample>
            {
                ["none"] = new OpenApiExample { Summary = "Not sent", Value = isObject ? new JsonObject() : "" },
                ["example"] = new OpenApiExample { Summary = parameter.Example, Value = isObject ? JsonNode.Parse(parameter.Example) : parameter.Example },
            },
        };
        if (isObject)
        {
            (described.Style, described.Explode) = (ParameterStyle.DeepObject, true);
        }

        return described;
    }

    private static OpenApiResponses Describe(IEnumerable<ResponseDocs> responses, DocumentFilterContext context)
    {
        var described = new OpenApiResponses();
        foreach (var variants in responses.GroupBy(response => response.Status).OrderBy(variants => variants.Key))
        {
            var first = variants.First();
            var bodies = variants.Where(response => response.Example is not null).ToLookup(response => response.MediaType, response => response.Example!);
            described.Add($"{variants.Key}", new OpenApiResponse
            {
                Description = first.Description,
                Headers = variants.SelectMany(response => response.Headers).DistinctBy(header => header.Name).ToDictionary(
                    header => header.Name,
                    IOpenApiHeader (header) => new OpenApiHeader
                    {
                        Description = header.Description,
                        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
                        Example = header.Example,
                    }) is { Count: > 0 } headers ? headers : null,
                Content = bodies.SelectMany(body => Content(context, body.Key, [.. body])).ToDictionary() is { Count: > 0 } content ? content : null,
            });
        }

        return described;
    }

    private static Dictionary<string, OpenApiMediaType> Content(DocumentFilterContext context, string mediaType, object[] examples)
    {
        var bodies = examples.Select(example => example is Problem problem ? problem.ToBody("4bf92f3577b34da6a3ce929d0e0e4736") : example).ToArray();
        var json = bodies.Select(body => JsonSerializer.SerializeToNode(body, body.GetType(), s_json)).ToArray();
        return new()
        {
            [mediaType] = new()
            {
                Schema = context.SchemaGenerator.GenerateSchema(bodies[0].GetType(), context.SchemaRepository),
                Example = json.Length == 1 ? json[0] : null,
                Examples = json.Length == 1 ? null : json.Index().ToDictionary(
                    example => $"{example.Index + 1}",
                    IOpenApiExample (example) => new OpenApiExample { Summary = (string?)example.Item?["detail"], Value = example.Item }),
            },
        };
    }
}
