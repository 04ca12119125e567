// Uses the client that NSwag generates, as a program would. NSwagTests compiles this file with that client.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Threading.Tasks;
using Generated;

namespace Generated
{
    public partial class UserApiClient
    {
        // NSwag gives access to response headers through this partial method.
        public string LastTag { get; private set; }

        partial void ProcessResponse(HttpClient client, HttpResponseMessage response) => LastTag = response.Headers.ETag?.Tag;
    }
}

public static class NSwagScenario
{
    public static async Task RunAsync(HttpClient http)
    {
        var client = new UserApiClient(http);
        var ana = new UserInput { Name = "Ana", Email = "ana@example.org", Attributes = new Dictionary<string, string> { ["team"] = "blue" } };

        // Create and replace
        var created = await client.PutUserAsync("ana", null, null, null, ana);
        Equal("Ana blue", $"{created.Name} {created.Attributes["team"]}");
        ana.Name = "Ana Lima";
        var replaced = await client.PutUserAsync("ana", null, null, null, ana);
        Equal("Ana Lima", replaced.Name);
        Equal(created.CreatedAt, replaced.CreatedAt);

        // Read, with and without If-None-Match
        var read = await client.GetUserAsync("ana", null, null);
        Equal(replaced.UpdatedAt, read.UpdatedAt);
        var tag = client.LastTag;
        Equal(304, await StatusOf(() => client.GetUserAsync("ana", null, tag)));

        // Patch one member; the others must not change
        var patched = await client.PatchUserAsync("ana", null, null, null, new Dictionary<string, object> { ["name"] = "Ana L." });
        Equal("Ana L. ana@example.org blue", $"{patched.Name} {patched.Email} {patched.Attributes["team"]}");
        Equal(412, await StatusOf(() => client.PutUserAsync("ana", tag, null, null, ana)));

        // Read all pages
        foreach (var id in new[] { "bo", "cy", "di" })
        {
            await client.PutUserAsync(id, null, null, null, new UserInput { Name = id });
        }

        var ids = new List<string>();
        for (string after = null; ;)
        {
            var page = await client.ListUsersAsync(2, after, null, null, null, null, null, null, null, null);
            ids.AddRange(page.Items.Select(user => user.Id));
            if (page.Next == null)
            {
                break;
            }

            after = page.Next;
        }

        Equal("ana bo cy di", string.Join(' ', ids));

        // Find users; NSwag sends the entries of a dictionary as parameters of their own
        var blue = await client.ListUsersAsync(null, null, "ANA@example.org", null, new Dictionary<string, string> { ["attributes.team"] = "blue" }, null, null, true, null, null);
        Equal("ana 1", $"{string.Join(' ', blue.Items.Select(user => user.Id))} {blue.Total}");

        // Read the fields of an error
        try
        {
            await client.PutUserAsync("ana", null, null, null, new UserInput { Name = " ", Email = "nobody" });
            throw new Exception("A blank name was accepted.");
        }
        catch (ApiException<Problem> e)
        {
            Equal("422 email name", $"{e.StatusCode} {string.Join(' ', e.Result.Errors.Keys.Order())}");
        }

        // Delete
        await client.DeleteUserAsync("ana", null, null);
        Equal(404, await StatusOf(() => client.GetUserAsync("ana", null, null)));

        // Probes
        Equal("Healthy ok", $"{(await client.HealthAsync()).Status} {(await client.StatusAsync()).Status}");
    }

    private static async Task<int> StatusOf(Func<Task> call)
    {
        try
        {
            await call();
            return 200;
        }
        catch (ApiException e)
        {
            return e.StatusCode;
        }
    }

    private static void Equal<T>(T expected, T actual)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new Exception($"Expected {expected}, got {actual}");
        }
    }
}
