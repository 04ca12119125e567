using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.OpenApi;
using Swashbuckle.AspNetCore.SwaggerGen;
using UserApi.Api.Http;
using UserApi.Api.Users;

namespace UserApi.Api.Docs;

/// <summary>
/// Says of every operation what its handler cannot say by its types: headers, limits, examples and each status it answers. The limits
/// are the constants that the code checks; a test holds the document against what the API really answers.
/// </summary>
internal sealed class ApiDocument : IDocumentFilter
{
    private const string Bearer = "Bearer";
    private const string Json = "application/json";
    private const string Tag = "0b9c1d5a4e7f4c2f8a6d3e1b5c7f9a2d";
    private const string NextTag = "4f0e8d7c6b5a49382716f5e4d3c2b1a0";
    private const string UserExample =
        """{"id":"ana","name":"Ana Lima","email":"ana@example.org","attributes":{"team":"blue"},"createdAt":"2026-01-31T09:30:00.125Z","updatedAt":"2026-02-01T18:05:10.5Z"}""";

    private const string BodyExample = """{"name":"Ana Lima","email":"ana@example.org","attributes":{"team":"blue"}}""";

    private OpenApiDocument _document = null!;

    public void Apply(OpenApiDocument swaggerDoc, DocumentFilterContext context)
    {
        _document = swaggerDoc;
        swaggerDoc.Components = new()
        {
            Schemas = Schemas(),
            SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
            {
                [Bearer] = new OpenApiSecurityScheme
                {
                    Type = SecuritySchemeType.Http,
                    Scheme = "bearer",
                    BearerFormat = "JWT",
                    Description = $"A token with the scope `{Access.Read}` for reading, `{Access.Write}` for writing.",
                },
            },
        };
        swaggerDoc.Tags = new HashSet<OpenApiTag>
        {
            new() { Name = "Users", Description = "The users. Writes can be made conditional with `If-Match` and `If-None-Match` (RFC 9110)." },
            new() { Name = "Operation", Description = "For load balancers, alarms and people." },
        };

        DescribeUser((OpenApiPathItem)swaggerDoc.Paths["/users/{id}"]);
        DescribeUsers((OpenApiPathItem)swaggerDoc.Paths["/users"]);
        DescribeAccess(swaggerDoc);
        RemoveBodiesOfHead(swaggerDoc);
        AddProbe("/", "Status", "The API and its store answer.", """{"status":"ok"}""", Problem(503, "The user store cannot be reached now."));
        AddProbe("/alive", "Alive", "The process answers. What a load balancer asks: it does not touch the store.", Health("self"));
        AddProbe(
            "/health", "Health", "Every check, the store included, within 1 s.", Health("self", "store"),
            ("503", Response("A check failed.", null, Content(Json, "Health", Health("self", "store").Replace("Healthy", "Unhealthy")))));
    }

    private void DescribeUsers(OpenApiPathItem path)
    {
        foreach (var (method, operation) in path.Operations!)
        {
            operation.OperationId = method == HttpMethod.Get ? "ListUsers" : "HeadUsers";
            operation.Summary = method == HttpMethod.Get ? "Lists users, a page at a time" : "Like GET, without the body";
            operation.Description =
                "Users in the order of their ids' code points. A page costs the same wherever it is; users added or removed meanwhile "
                + "make no other user repeat or vanish.";
            operation.Parameters =
            [
                Query("limit", "How many users at the most.", new()
                {
                    Type = JsonSchemaType.Integer, Minimum = "1", Maximum = $"{UserEndpoints.MaxPageSize}", Default = UserEndpoints.DefaultPageSize,
                }),
                Query("after", "Only users with a greater id: the `next` of the page before.", IdSchema()),
                Header("If-Match", "Go ahead only if the page still has one of these tags.", $"\"{Tag}\""),
                Header("If-None-Match", "304 when the page still has one of these tags.", $"\"{Tag}\""),
            ];
            operation.Responses = Responses(
                ("200", Response(
                    "A page. `next` is null on the last one.",
                    Headers(
                        ("ETag", "Names this state and no other, ever.", $"\"{Tag}\""),
                        ("Link", "The next page (RFC 8288), unless this is the last.", "</users?limit=1&after=ana>; rel=\"next\"")),
                    Content(Json, "UserPage", $$"""{"items":[{{UserExample}}],"next":"ana"}"""))),
                ("304", Response("The page has the tag of `If-None-Match`.", TagHeader(Tag))),
                Problem(400, "If-None-Match is not a list of entity tags (RFC 9110 section 8.8.3)."),
                Problem(412, "What is there now is not what If-Match or If-None-Match asks for."),
                Invalid("limit", $"A number from 1 to {UserEndpoints.MaxPageSize} is required."),
                Problem(429, "This caller makes too many requests."),
                Problem(503, "The user store cannot be reached now."));
        }
    }

    private void DescribeUser(OpenApiPathItem path)
    {
        foreach (var (method, operation) in path.Operations!)
        {
            operation.Parameters =
            [
                new OpenApiParameter
                {
                    Name = "id", In = ParameterLocation.Path, Required = true, Schema = IdSchema(), Example = "ana",
                    Description =
                        $"1 to {UserId.MaxLength} characters out of letters and digits of any script and `-._~@+:|=`, not only dots; "
                        + "case-sensitive; in Unicode normalization form C.",
                },
                Header("If-Match", "Go ahead only if the user has one of these tags, or exists at all (`*`).", $"\"{Tag}\""),
                Header("If-None-Match", "Go ahead only if the user has none of these tags, or does not exist (`*`).", $"\"{Tag}\""),
            ];
            Describe(method.Method, operation);
        }
    }

    private void Describe(string method, OpenApiOperation operation)
    {
        var notFound = Problem(404, "There is no user with this id.", "User not found");
        var busy = Problem(429, "This caller makes too many requests.");
        var down = Problem(503, "The user store cannot be reached now.");
        var badTags = Problem(400, "If-Match is not a list of entity tags (RFC 9110 section 8.8.3).");
        var badBody = Problem(400, "The body is not valid JSON, or names a member twice.");
        var conflict = Problem(412, "What is there now is not what If-Match or If-None-Match asks for.");
        var taken = Problem(409, "Another user has a value that must be unique.");
        var badId = Invalid("id", "An id is not made of dots only.");
        var badName = Invalid("name", "A name is required.");
        var tooLarge = Problem(413, "A body has at most 64 KiB (Limits:MaxBodyBytes).");

        operation.OperationId = method[0] + method[1..].ToLowerInvariant() + "User";
        switch (method)
        {
            case "GET" or "HEAD":
                operation.Summary = method == "GET" ? "Gets a user" : "Like GET, without the body";
                operation.Responses = Responses(
                    ("200", Response("The user.", TagHeader(Tag), Content(Json, "User", UserExample))),
                    ("304", Response("The user has a tag of `If-None-Match`.", TagHeader(Tag))),
                    badTags, notFound, conflict, badId, busy, down);
                break;

            case "PUT":
                operation.Summary = "Creates a user, or replaces it as a whole";
                operation.Description = "The time of creation is kept. A body without a `Content-Type` is taken as JSON.";
                operation.Parameters!.Add(Prefer());
                operation.RequestBody = Body(Json, "UserBody", BodyExample);
                operation.Responses = Responses(
                    ("200", Response("Replaced, and asked to return it.", TagHeader(NextTag), Content(Json, "User", UserExample))),
                    ("201", Response(
                        "Created. The user is in the body if asked to return it.",
                        Headers(
                            ("ETag", "Names this state and no other, ever.", $"\"{Tag}\""),
                            ("Location", "Where the user is.", "/users/ana")),
                        Content(Json, "User", UserExample))),
                    ("204", Response("Replaced.", TagHeader(NextTag))),
                    badBody, taken, conflict, tooLarge, Problem(415, "The body is to be application/json in UTF-8."), badName, busy, down);
                break;

            case "PATCH":
                operation.Summary = "Changes some members of a user";
                operation.Description =
                    "JSON Merge Patch (RFC 7396): a member that is null is removed. Nothing that another caller writes meanwhile is lost.";
                operation.Parameters!.Add(Prefer());
                operation.RequestBody = Body(UserEndpoints.MergePatch, "UserPatch", """{"email":null,"attributes":{"team":"red"}}""");
                operation.Responses = Responses(
                    ("200", Response("Changed, and asked to return it.", TagHeader(NextTag), Content(Json, "User", UserExample))),
                    ("204", Response("Changed.", TagHeader(NextTag))),
                    badBody, notFound, taken, conflict, tooLarge,
                    Problem(415, $"The body is to be {UserEndpoints.MergePatch} in UTF-8.", headers: Headers(
                        ("Accept-Patch", "What is accepted (RFC 5789).", UserEndpoints.MergePatch))),
                    badName, busy, down);
                break;

            case "DELETE":
                operation.Summary = "Deletes a user";
                operation.Responses = Responses(("204", Response("Deleted.")), badTags, notFound, conflict, badId, busy, down);
                break;
        }
    }

    private void DescribeAccess(OpenApiDocument document)
    {
        foreach (var (method, operation) in document.Paths.Values.SelectMany(path => path.Operations!))
        {
            var scope = method == HttpMethod.Get || method == HttpMethod.Head ? Access.Read : Access.Write;
            operation.Security = [new() { [new OpenApiSecuritySchemeReference(Bearer, _document)] = [] }];
            Add(Problem(401, null, headers: Challenge("Bearer error=\"invalid_token\"")));
            Add(Problem(403, $"The token does not have the scope {scope}.", headers: Challenge($"Bearer error=\"insufficient_scope\", scope=\"{scope}\"")));

            void Add((string Status, IOpenApiResponse Response) problem) => operation.Responses!.Add(problem.Status, problem.Response);
        }

        static Dictionary<string, IOpenApiHeader> Challenge(string example) => Headers(("WWW-Authenticate", "What is missing (RFC 6750).", example));
    }

    private static void RemoveBodiesOfHead(OpenApiDocument document)
    {
        var heads = document.Paths.Values.SelectMany(path => path.Operations!).Where(operation => operation.Key == HttpMethod.Head);
        foreach (var response in heads.SelectMany(head => head.Value.Responses!.Values).Cast<OpenApiResponse>())
        {
            response.Content = null;
        }
    }

    private void AddProbe(string path, string id, string summary, string example, params (string, IOpenApiResponse)[] failures)
    {
        var schema = path == "/" ? "Status" : "Health";
        var item = new OpenApiPathItem();
        item.AddOperation(HttpMethod.Get, new()
        {
            OperationId = id,
            Summary = summary,
            Tags = new HashSet<OpenApiTagReference> { new("Operation", _document) },
            Responses = Responses([("200", Response("All is well.", null, Content(Json, schema, example))), .. failures]),
        });
        _document.Paths.Add(path, item);
    }

    private static Dictionary<string, IOpenApiSchema> Schemas()
    {
        var name = Text("The display name: not blank, no control characters.", 1, UserBody.MaxNameLength);
        var email = Text("An e-mail address (RFC 5321, RFC 6531).", 3, UserBody.MaxEmailLength);
        email.Format = "email";
        var attributes = new OpenApiSchema
        {
            Type = JsonSchemaType.Object,
            Description = $"Free attributes. A key has 1 to {UserBody.MaxAttributeKeyLength} characters out of `a-z0-9._-`.",
            MaxProperties = UserBody.MaxAttributes,
            AdditionalProperties = Text("Any text.", 0, UserBody.MaxAttributeValueLength),
        };
        var time = new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time", ReadOnly = true, Description = "UTC, to the millisecond (RFC 3339)." };
        var status = new OpenApiSchema { Type = JsonSchemaType.String };

        return new()
        {
            ["User"] = Object(["id", "name", "createdAt", "updatedAt"], new()
            {
                ["id"] = IdSchema(),
                ["name"] = name,
                ["email"] = email,
                ["attributes"] = attributes,
                ["createdAt"] = time,
                ["updatedAt"] = time,
            }),
            ["UserBody"] = Object(["name"], new() { ["name"] = name, ["email"] = email, ["attributes"] = attributes }),
            ["UserPatch"] = Object([], new() { ["name"] = name, ["email"] = OrNull(email), ["attributes"] = PatchOf(attributes) }),
            ["UserPage"] = Object(["items", "next"], new()
            {
                ["items"] = new() { Type = JsonSchemaType.Array, MaxItems = UserEndpoints.MaxPageSize, Items = new OpenApiSchemaReference("User") },
                ["next"] = OrNull(IdSchema()),
            }),
            ["Problem"] = Object(["type", "title", "status", "traceId"], new()
            {
                ["type"] = new() { Type = JsonSchemaType.String, Format = "uri-reference" },
                ["title"] = new() { Type = JsonSchemaType.String },
                ["status"] = new() { Type = JsonSchemaType.Integer },
                ["detail"] = new() { Type = JsonSchemaType.String, Description = "What is wrong in this request." },
                ["traceId"] = new() { Type = JsonSchemaType.String, Description = "Finds the request in traces and logs." },
                ["errors"] = new()
                {
                    Type = JsonSchemaType.Object,
                    Description = "What is wrong, by the name of the field.",
                    AdditionalProperties = new OpenApiSchema { Type = JsonSchemaType.Array, Items = new OpenApiSchema { Type = JsonSchemaType.String } },
                },
                ["error"] = new() { Type = JsonSchemaType.String, Description = "The same member that simple-user-api answers." },
            }),
            ["Status"] = Object(["status"], new() { ["status"] = status }),
            ["Health"] = Object(["status", "checks"], new()
            {
                ["status"] = status,
                ["checks"] = new()
                {
                    Type = JsonSchemaType.Object,
                    AdditionalProperties = Object(["status", "milliseconds"], new()
                    {
                        ["status"] = status,
                        ["milliseconds"] = new() { Type = JsonSchemaType.Number },
                        ["description"] = status,
                    }),
                },
            }),
        };

        static OpenApiSchema Text(string description, int min, int max) =>
            new() { Type = JsonSchemaType.String, Description = description, MinLength = min, MaxLength = max };

        static OpenApiSchema OrNull(OpenApiSchema schema)
        {
            var copy = (OpenApiSchema)schema.CreateShallowCopy();
            copy.Type |= JsonSchemaType.Null;
            return copy;
        }

        static OpenApiSchema PatchOf(OpenApiSchema attributes)
        {
            var copy = OrNull(attributes);
            copy.AdditionalProperties = OrNull((OpenApiSchema)attributes.AdditionalProperties!);
            return copy;
        }

        static OpenApiSchema Object(HashSet<string> required, Dictionary<string, OpenApiSchema> properties) => new()
        {
            Type = JsonSchemaType.Object,
            Required = required,
            Properties = properties.ToDictionary(property => property.Key, IOpenApiSchema (property) => property.Value),
        };
    }

    private static OpenApiSchema IdSchema() =>
        new() { Type = JsonSchemaType.String, MinLength = 1, MaxLength = UserId.MaxLength, Description = "The id of a user." };

    private static string Health(params string[] checks) => new JsonObject
    {
        ["status"] = "Healthy",
        ["checks"] = new JsonObject(checks.Select(check => KeyValuePair.Create<string, JsonNode?>(
            check, new JsonObject { ["status"] = "Healthy", ["milliseconds"] = 0.4 }))),
    }.ToJsonString();

    private static OpenApiParameter Query(string name, string description, OpenApiSchema schema) =>
        new() { Name = name, In = ParameterLocation.Query, Description = description, Schema = schema };

    private static OpenApiParameter Header(string name, string description, string example) => new()
    {
        Name = name,
        In = ParameterLocation.Header,
        Description = description,
        Schema = new OpenApiSchema { Type = JsonSchemaType.String },
        Examples = new Dictionary<string, IOpenApiExample>
        {
            ["none"] = new OpenApiExample { Summary = "Not sent", Value = "" },
            ["example"] = new OpenApiExample { Summary = example, Value = example },
        },
    };

    private static OpenApiParameter Prefer() =>
        Header("Prefer", "`return=representation` (RFC 7240): answer with the user.", "return=representation");

    private OpenApiRequestBody Body(string mediaType, string schema, string example) => new()
    {
        Required = true,
        Description = "At most 64 KiB (`Limits:MaxBodyBytes`). Members that are not named here are ignored.",
        Content = Content(mediaType, schema, example),
    };

    private Dictionary<string, OpenApiMediaType> Content(string mediaType, string schema, string example) => new()
    {
        [mediaType] = new() { Schema = new OpenApiSchemaReference(schema, _document), Example = JsonNode.Parse(example) },
    };

    private (string, IOpenApiResponse) Invalid(string field, string error) =>
        Problem(422, "One or more fields are not valid.", errors: new() { [field] = new JsonArray(error) });

    private (string, IOpenApiResponse) Problem(
        int status, string? detail, string? error = null, JsonObject? errors = null, Dictionary<string, IOpenApiHeader>? headers = null)
    {
        var example = new JsonObject
        {
            ["type"] = "about:blank",
            ["title"] = ReasonPhrases.GetReasonPhrase(status),
            ["status"] = status,
            ["detail"] = detail,
            ["traceId"] = "4bf92f3577b34da6a3ce929d0e0e4736",
        };
        if (errors is not null)
        {
            example["errors"] = errors;
        }

        if (error is not null)
        {
            example["error"] = error;
        }

        headers ??= status is 429 or 503 ? Headers(("Retry-After", "Seconds to wait before another attempt.", "1")) : null;
        return ($"{status}", Response(ReasonPhrases.GetReasonPhrase(status) + ".", headers, Content(Http.Problem.ContentType, "Problem", example.ToJsonString())));
    }

    private static OpenApiResponse Response(
        string description, Dictionary<string, IOpenApiHeader>? headers = null, Dictionary<string, OpenApiMediaType>? content = null) =>
        new() { Description = description, Headers = headers, Content = content };

    private static OpenApiResponses Responses(params (string Status, IOpenApiResponse Response)[] responses)
    {
        var result = new OpenApiResponses();
        foreach (var (status, response) in responses)
        {
            result.Add(status, response);
        }

        return result;
    }

    private static Dictionary<string, IOpenApiHeader> TagHeader(string tag) => Headers(("ETag", "Names this state and no other, ever.", $"\"{tag}\""));

    private static Dictionary<string, IOpenApiHeader> Headers(params (string Name, string Description, string Example)[] headers) =>
        headers.ToDictionary(header => header.Name, IOpenApiHeader (header) => new OpenApiHeader
        {
            Description = header.Description,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String },
            Example = header.Example,
        });
}
