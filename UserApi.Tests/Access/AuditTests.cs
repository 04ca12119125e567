using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using UserApi.Api.Users.Stores;
using UserApi.Tests.Infrastructure;

namespace UserApi.Tests.Access;

/// <summary>The audit log, which has one line for each write.</summary>
public sealed class AuditTests : IDisposable
{
    private const string Id = "ana@example.org";
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";

    private static readonly (string, string) s_trace = ("traceparent", $"00-{TraceId}-b7ad6b7169203331-01");

    private readonly LogCollector _log = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>The message of each line of the audit log.</summary>
    private IEnumerable<string> Messages => Lines.Select(line => line.Split(" | ")[0]["Information UserApi.Audit: ".Length..]);

    private IEnumerable<string> Lines => _log.Lines.Where(line => line.StartsWith("Information UserApi.Audit: ", StringComparison.Ordinal));

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData(false, "")]
    [InlineData(true, " ana@example.org")]
    public async Task Each_write_is_logged_with_its_caller_and_its_trace_and_the_id_only_if_a_setting_asks_for_it(bool logIds, string id)
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = Api([.. issuer.Settings, ("Audit:LogIds", $"{logIds}")]);
        using var client = api.CreateClient();
        var person = Subject(issuer, "248289761001");
        var machine = issuer.Token(change: token =>
        {
            token.Claims.Remove("sub");
            token.Claims["client_id"] = "importer";
        });
        var other = issuer.Token(change: token =>
        {
            token.Claims.Remove("sub");
            token.Claims["azp"] = "crm";
        });

        await client.Put(Id, HttpSteps.Ana, s_trace, HttpSteps.Bearer(person)).Is(HttpStatusCode.Created);
        await client.Put(Id, """{"name":"Ann"}""", s_trace, HttpSteps.Bearer(machine)).Is(HttpStatusCode.OK);
        await client.Patch(Id, HttpSteps.Ana, s_trace, HttpSteps.Bearer(other)).Is(HttpStatusCode.OK);
        await client.Delete(Id, s_trace, HttpSteps.Bearer(person)).Is(HttpStatusCode.NoContent);

        Assert.Equal(
            [
                $"applied: create user{id} by subject 248289761001",
                $"applied: replace user{id} by client importer",
                $"applied: update user{id} by client crm",
                $"applied: delete user{id} by subject 248289761001",
            ],
            Messages);
        Assert.All(Lines, line => Assert.Contains(TraceId, line));
        Assert.Equal(logIds, _log.Text.Contains(Id, StringComparison.Ordinal));
        Assert.DoesNotContain(person.Split('.')[2], _log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_changed_nothing_is_not_logged()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = Api(issuer.Settings);
        using var client = api.CreateClient();
        var token = issuer.Token();
        await client.Delete("ana").Is(HttpStatusCode.Unauthorized);
        await client.Delete("ana", HttpSteps.Bearer(issuer.Token(Issuer.Read))).Is(HttpStatusCode.Forbidden);
        await client.Delete("ana", HttpSteps.Bearer(token)).Is(HttpStatusCode.NotFound);
        await client.Put("$", HttpSteps.Ana, HttpSteps.Bearer(token)).Is(HttpStatusCode.UnprocessableEntity);
        await client.Put("ana", HttpSteps.Ana, HttpSteps.Bearer(token), ("If-Match", "*")).Is(HttpStatusCode.PreconditionFailed);
        await client.Get("ana", HttpSteps.Bearer(token)).Is(HttpStatusCode.NotFound);

        Assert.Empty(Lines);

        client.DefaultRequestHeaders.Authorization = new("Bearer", token);
        await client.Put("ana").Is(HttpStatusCode.Created);
        Assert.Single(Lines);
        await client.Put("ana").Is(HttpStatusCode.OK);
        await client.Put("ana", HttpSteps.Ana, ("Prefer", "return=minimal")).Is(HttpStatusCode.NoContent);
        await client.Patch("ana", "{}").Is(HttpStatusCode.OK);
        Assert.Single(Lines);
    }

    [Fact]
    public async Task A_caller_that_hangs_up_has_written_under_its_name()
    {
        var arrived = new TaskCompletionSource();
        await using var api = Api([], new StoreDouble(async cancel =>
        {
            arrived.SetResult();
            await Task.Delay(Timeout.Infinite, cancel);
        }));
        using var client = api.CreateClient();
        using var hangUp = new CancellationTokenSource();

        var delete = client.DeleteAsync("/users/ana", hangUp.Token);
        await arrived.Task.WaitAsync(Cancel);
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => delete);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        timeout.CancelAfter(TimeSpan.FromSeconds(30));
        while (!Lines.Any())
        {
            await Task.Delay(10, timeout.Token);
        }

        Assert.Equal(["may have been applied: delete user by anonymous"], Messages);
    }

    [Theory]
    [InlineData(true, new[] { "may have been applied: create or replace user by anonymous" })]
    [InlineData(false, new string[0])]
    public async Task A_write_that_the_store_did_not_confirm_is_logged_if_it_may_have_been_applied(bool mayHaveBeenApplied, string[] messages)
    {
        await using var api = Api([], new StoreDouble(_ => throw new StoreUnavailableException(mayHaveBeenApplied)));
        using var client = api.CreateClient();

        await client.Put("ana").Is(HttpStatusCode.ServiceUnavailable);

        Assert.Equal(messages, Messages);
    }

    // Some issuers let users choose their subject, so line breaks and terminal control characters in it must be escaped.
    [Fact]
    public async Task A_subject_cannot_forge_a_line()
    {
        await using var issuer = await Issuer.StartAsync();
        await using var api = Api(issuer.Settings);
        using var client = api.CreateClient();

        foreach (var subject in (string[])["a\r\ninfo: b\u001b[2J\u2028\u202Ec", new string('x', 1000), "anonymous"])
        {
            await client.Put("ana", $$"""{"name":"{{subject.Length}}"}""", HttpSteps.Bearer(Subject(issuer, subject)));
        }

        Assert.Equal(
            [
                @"applied: create user by subject a\u000D\u000Ainfo: b\u001B[2J\u2028\u202Ec",
                $"applied: replace user by subject {new string('x', 256)}…",
                "applied: replace user by subject anonymous",
            ],
            Messages);
    }

    // The default log level as shipped, and as raised by an operator.
    [Theory]
    [InlineData("Information")]
    [InlineData("Error")]
    public async Task The_lines_are_written_at_the_levels_that_ship(string level)
    {
        using var folder = new TemporaryFolder();
        await using var api = await ApiProcess.StartAsync(
            "Production",
            ("Store__Kind", "Embedded"), ("Store__Path", folder.File("users.db")), ("Logging__LogLevel__Default", level),
            ("Logging__LogLevel__Microsoft.Hosting.Lifetime", "Information"), ("Audit__LogIds", "true"));
        using var client = new HttpClient { BaseAddress = api.Address };
        await client.Put("a+b").Is(HttpStatusCode.Created);
        api.Terminate();
        await api.WaitForExitAsync();

        var line = Assert.Single(api.Output, line => line.Contains("UserApi.Audit", StringComparison.Ordinal));
        Assert.Contains("applied: create user a+b by anonymous", line);
        Assert.Matches("\"TraceId\":\"[0-9a-f]{32}\"", line);
    }

    [Fact]
    public async Task A_setting_that_cannot_be_read_is_refused_at_start()
    {
        using var folder = new TemporaryFolder();
        var (exitCode, _, errors) = await ApiProcess.RunAsync(
            "Production", ("Store__Kind", "Embedded"), ("Store__Path", folder.File("users.db")), ("Audit__LogIds", "maybe"));

        Assert.Equal(1, exitCode);
        Assert.Contains("Audit:LogIds", errors);
    }

    private static string Subject(Issuer issuer, string subject) => issuer.Token(change: token => token.Claims["sub"] = subject);

    private ApiFactory Api((string, string)[] settings, IUserStore? store = null) => new(settings)
    {
        Configure = services =>
        {
            services.AddSingleton<ILoggerProvider>(_log);
            if (store is not null)
            {
                services.AddSingleton(store);
            }
        },
    };
}
