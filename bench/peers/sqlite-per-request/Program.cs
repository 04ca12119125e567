using Microsoft.Data.Sqlite;

var builder = WebApplication.CreateBuilder(args);
var app = builder.Build();
var connectionString = $"Data Source={builder.Configuration["PATH_OF_USERS"]}";

app.MapGet("/users/{id}", (string id) =>
{
    using var connection = new SqliteConnection(connectionString);
    connection.Open();
    using var command = connection.CreateCommand();
    command.CommandText = "SELECT name FROM users WHERE id = $id";
    command.Parameters.AddWithValue("$id", id);
    return command.ExecuteScalar() is string name ? Results.Ok(new User(id, name)) : Results.NotFound();
});

// A separate transaction with SQLite's default, synchronous = FULL: as durable as UserApi's.
app.MapPut("/users/{id}", (string id, UserInput body) =>
{
    using var connection = new SqliteConnection(connectionString);
    connection.Open();
    using var command = connection.CreateCommand();
    command.CommandText = "INSERT INTO users VALUES ($id, $name) ON CONFLICT DO UPDATE SET name = excluded.name";
    command.Parameters.AddWithValue("$id", id);
    command.Parameters.AddWithValue("$name", body.Name);
    command.ExecuteNonQuery();
    return Results.NoContent();
});

await app.RunAsync();

internal sealed record User(string Id, string Name);

internal sealed record UserInput(string Name);
