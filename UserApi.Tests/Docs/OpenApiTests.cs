using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Docs;

public class OpenApiTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_committed_document_is_current()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var served = await client.GetStringAsync("/openapi.json", Cancel);
        var committed = await File.ReadAllTextAsync(Repository.File("openapi.json"), Cancel);

        Assert.True(
            committed.ReplaceLineEndings("\n").TrimEnd() == served.ReplaceLineEndings("\n").TrimEnd(),
            "openapi.json is not what the API serves. Start the API and run: curl http://localhost:8000/openapi.json > openapi.json");
    }

    [Fact]
    public async Task Whoever_asks_first_and_at_the_same_time_gets_the_whole_document()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var documents = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => client.GetStringAsync("/openapi.json", Cancel)));

        var document = Assert.Single(documents.Distinct());
        Assert.NotNull(JsonNode.Parse(document)!["paths"]!["/users/{id}"]!["delete"]);
    }

    [Fact]
    public async Task A_document_that_is_known_is_not_sent_again()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var get = await client.Send("GET", "/openapi.json").Is(HttpStatusCode.OK);
        var head = await client.Send("HEAD", "/openapi.json").Is(HttpStatusCode.OK);
        var known = await client.Send("GET", "/openapi.json", ("If-None-Match", get.Tag())).Is(HttpStatusCode.NotModified);

        Assert.Equal((get.Tag(), get.Content.Headers.ContentLength), (head.Tag(), head.Content.Headers.ContentLength));
        Assert.Equal(get.Tag(), known.Tag());
        await client.Send("POST", "/openapi.json").Is(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Every_route_is_documented()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        var documented =
            from path in (await DocumentAsync(client))["paths"]!.AsObject()
            from operation in path.Value!.AsObject()
            select $"{operation.Key.ToUpperInvariant()} {path.Key}";

        var mapped =
            from endpoint in api.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            from method in endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"]
            let path = "/" + endpoint.RoutePattern.RawText!.Trim('/')
            where method != "HEAD" // RFC 9110 section 9.3.2 defines it
            select $"{method} {path}";

        Assert.Equal(mapped.Order(), documented.Order());
    }

    [Fact]
    public async Task What_the_examples_send_is_accepted_and_what_they_answer_has_the_members_of_a_real_answer()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();
        var operations = (await DocumentAsync(client))["paths"]!["/users/{id}"]!;

        var put = await client.PutAsync("/users/ana", ExampleBody(operations["put"]!), Cancel);
        var user = await client.GetStringAsync("/users/ana", Cancel);
        var patch = await client.PatchAsync("/users/ana", ExampleBody(operations["patch"]!), Cancel);

        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal(HttpStatusCode.OK, patch.StatusCode);
        var example = operations["get"]!["responses"]!["200"]!["content"]!["application/json"]!["example"]!;
        Assert.Equal(example.AsObject().Select(member => member.Key), JsonNode.Parse(user)!.AsObject().Select(member => member.Key));
    }

    private static async Task<JsonNode> DocumentAsync(HttpClient client) =>
        JsonNode.Parse(await client.GetStringAsync("/openapi.json", Cancel))!;

    private static StringContent ExampleBody(JsonNode operation)
    {
        var (mediaType, content) = operation["requestBody"]!["content"]!.AsObject().Single();
        return new(content!["example"]!.ToJsonString(), MediaTypeHeaderValue.Parse(mediaType));
    }
}
