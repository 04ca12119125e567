using System.Net;
using System.Net.Http.Json;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests;

public class SmokeTests
{
    [Fact]
    public async Task A_user_that_was_put_can_be_read()
    {
        await using var api = new ApiFactory();
        using var client = api.CreateClient();

        var put = await client.PutAsJsonAsync("/users/ana", new { name = "Ana" }, TestContext.Current.CancellationToken);
        var user = await client.GetStringAsync("/users/ana", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Contains("\"name\":\"Ana\"", user);
        Assert.NotEqual(80, api.Address.Port);
    }
}
