namespace UserApi.Tests.Infrastructure;

/// <summary>Tests with an API each: xunit creates an instance of the class for every test and every row of its data.</summary>
public abstract class HttpTest : IAsyncDisposable
{
    private readonly ApiFactory _api = new();

    protected HttpTest() => Client = _api.CreateClient();

    protected HttpClient Client { get; }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        Client.Dispose();
        await _api.DisposeAsync();
    }
}
