using MongoDB.Driver;

namespace UserApi.Tests.Stores;

public sealed class RealMongoTests
{
    [Theory]
    [InlineData("mongodb://127.0.0.1")]
    [InlineData("mongodb://127.0.0.1/users?replicaSet=rs0&retryWrites=false")]
    [InlineData("mongodb://ana:secret@127.0.0.1")]
    [InlineData("mongodb://ana:secret@127.0.0.1/users")]
    [InlineData("mongodb://ana:secret@127.0.0.1/users?authSource=admin")]
    [InlineData("mongodb://ana:secret@127.0.0.1/?authMechanism=SCRAM-SHA-1&authSource=other")]
    [InlineData("mongodb://127.0.0.1/users?authMechanism=MONGODB-X509")]
    [InlineData("mongodb://CN=ana@127.0.0.1/?authMechanism=MONGODB-X509")]
    public void A_test_uses_a_database_of_its_own_and_authenticates_as_the_connection_string_says(string connectionString)
    {
        var url = RealMongo.WithDatabase(connectionString, "other");

        var (given, used) = (MongoClientSettings.FromConnectionString(connectionString), MongoClientSettings.FromUrl(url));
        Assert.Equal("other", url.DatabaseName);
        Assert.Equal((given.Credential?.Mechanism, given.Credential?.Source), (used.Credential?.Mechanism, used.Credential?.Source));
        Assert.Equal((given.Credential, given.ReplicaSetName, given.RetryWrites), (used.Credential, used.ReplicaSetName, used.RetryWrites));
    }
}
