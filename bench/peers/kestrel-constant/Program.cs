// The upper limit: a constant response from Kestrel, without routing, middleware or logging.
var builder = WebApplication.CreateEmptyBuilder(new());
builder.WebHost.UseKestrelCore().UseUrls(args[0]);
var app = builder.Build();

var body = """
    {"id":"user-0000000","name":"User 0000000","createdAt":"2026-01-01T00:00:00Z","updatedAt":"2026-01-01T00:00:00Z"}
    """u8.ToArray();

app.Run(async http =>
{
    http.Response.ContentType = "application/json; charset=utf-8";
    http.Response.ContentLength = body.Length;
    await http.Response.BodyWriter.WriteAsync(body);
});

await app.RunAsync();
