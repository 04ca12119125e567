// The test suite's MongoDB double in a separate process, so that its CPU time is not counted for others. Ends when its standard input ends.
using UserApi.MongoWire;

await using var server = await MongoWireServer.StartAsync();
Console.WriteLine(server.ConnectionString);
await Console.In.ReadToEndAsync();
