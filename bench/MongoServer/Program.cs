// The test suite's MongoDB in a process of its own, so that its CPU time is nobody else's. Ends when its standard input does.
using UserApi.MongoWire;

await using var server = await MongoWireServer.StartAsync();
Console.WriteLine(server.ConnectionString);
await Console.In.ReadToEndAsync();
