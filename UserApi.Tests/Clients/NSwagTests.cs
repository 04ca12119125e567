using System.Reflection;
using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using NJsonSchema.CodeGeneration.CSharp;
using NSwag;
using NSwag.CodeGeneration.CSharp;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Clients;

/// <summary>Uses the API like a C# developer, by a client that NSwag generates from the committed <c>openapi.json</c>.</summary>
public class NSwagTests
{
    [Theory]
    [InlineData(CSharpJsonLibrary.NewtonsoftJson)]
    [InlineData(CSharpJsonLibrary.SystemTextJson)]
    public async Task A_generated_client_does_all_that_the_API_offers(CSharpJsonLibrary json)
    {
        var client = await GenerateAsync(json);
        var scenario = await File.ReadAllTextAsync(Repository.File("UserApi.Tests/Clients/NSwagScenario.cs"), TestContext.Current.CancellationToken);
        var run = Compile(client, scenario).GetType("NSwagScenario", throwOnError: true)!.GetMethod("RunAsync")!;
        await using var api = new ApiFactory();
        using var http = api.CreateClient();

        await (Task)run.Invoke(null, [http])!;
    }

    private static async Task<string> GenerateAsync(CSharpJsonLibrary json)
    {
        var document = await OpenApiDocument.FromJsonAsync(await File.ReadAllTextAsync(Repository.File("openapi.json")));
        var settings = new CSharpClientGeneratorSettings { ClassName = "UserApiClient" };
        settings.CSharpGeneratorSettings.Namespace = "Generated";
        settings.CSharpGeneratorSettings.JsonLibrary = json;
        return new CSharpClientGenerator(document, settings).GenerateFile();
    }

    private static Assembly Compile(params string[] sources)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Generated", sources.Select(source => CSharpSyntaxTree.ParseText(source)), references, new(OutputKind.DynamicallyLinkedLibrary));
        using var assembly = new MemoryStream();
        var result = compilation.Emit(assembly);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics.Where(message => message.Severity == DiagnosticSeverity.Error)));
        assembly.Position = 0;
        return new AssemblyLoadContext(null, isCollectible: true).LoadFromStream(assembly);
    }
}
