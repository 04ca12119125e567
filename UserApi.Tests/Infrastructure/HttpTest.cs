namespace UserApi.Tests.Infrastructure;

/// <summary>A test with an API of its own: xunit makes an instance of the class for every test and every row.</summary>
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
