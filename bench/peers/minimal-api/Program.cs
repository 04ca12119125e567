using MongoDB.Bson.Serialization.Attributes;
using MongoDB.Driver;

var builder = WebApplication.CreateBuilder(args);
var url = new MongoUrl(builder.Configuration["MONGODB_URL"]);
var users = new MongoClient(url).GetDatabase(url.DatabaseName).GetCollection<User>("users");
var app = builder.Build();

app.MapGet("/users/{id}", async (string id) =>
    await users.Find(user => user.Id == id).FirstOrDefaultAsync() is { } user ? Results.Ok(user) : Results.NotFound());

app.MapGet("/users", async (int limit) => await users.Find(_ => true).SortBy(user => user.Id).Limit(limit).ToListAsync());

app.MapPut("/users/{id}", async (string id, UserInput body) =>
{
    await users.ReplaceOneAsync(user => user.Id == id, new User(id, body.Name), new ReplaceOptions { IsUpsert = true });
    return Results.NoContent();
});

await app.RunAsync();

internal sealed record User(string Id, [property: BsonElement("name")] string Name);

internal sealed record UserInput(string Name);
