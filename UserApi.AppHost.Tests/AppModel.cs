namespace UserApi.AppHost.Tests;

/// <summary>The AppHost's model, without settings of this machine's environment and user secrets.</summary>
internal static class AppModel
{
    public static Task<IDistributedApplicationTestingBuilder> CreateAsync(params string[] args) =>
        DistributedApplicationTestingBuilder.CreateAsync<Projects.UserApi_AppHost>(
            ["--store=mongodb", "--replicas=1", "--ConnectionStrings:users=", "--Parameters:mongo-password=secret", .. args],
            TestContext.Current.CancellationToken);
}
