using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestFramework(typeof(UserApi.Tests.Infrastructure.TestFramework))]

namespace UserApi.Tests.Infrastructure;

/// <summary>Marks a class whose tests need something that not every machine has.</summary>
[AttributeUsage(AttributeTargets.Class)]
public abstract class RequirementAttribute : Attribute
{
    /// <summary>What the tests need.</summary>
    public abstract string Name { get; }

    /// <summary>Why it is missing and how to get it, or null if it is available.</summary>
    public abstract Task<string?> FindMissingAsync();
}

/// <summary>
/// xunit's framework, with two additions for people who read the output: tests whose requirement is missing are reported as one skipped
/// test, and the run reports its progress (<see cref="TestProgress"/>).
/// </summary>
public sealed class TestFramework : XunitTestFramework
{
    protected override ITestFrameworkExecutor CreateExecutor(Assembly assembly) =>
        new Executor(new XunitTestAssembly(assembly, configFilePath: null));

    private sealed class Executor(IXunitTestAssembly assembly) : XunitTestFrameworkExecutor(assembly)
    {
        public override async ValueTask RunTestCases(
            IReadOnlyCollection<IXunitTestCase> testCases, IMessageSink executionMessageSink, ITestFrameworkExecutionOptions executionOptions, CancellationToken cancellationToken)
        {
            var wanted = await SumUpAsync(testCases);
            using var progress = new TestProgress(executionMessageSink, wanted.Count);
            await base.RunTestCases(wanted, progress, executionOptions, cancellationToken);
        }

        private static async Task<List<IXunitTestCase>> SumUpAsync(IReadOnlyCollection<IXunitTestCase> testCases)
        {
            var result = new List<IXunitTestCase>();
            foreach (var group in testCases.GroupBy(testCase => testCase.TestClass.Class.GetCustomAttribute<RequirementAttribute>()))
            {
                var reason = group.Key is null ? null : await group.Key.FindMissingAsync();
                result.AddRange(reason is null ? group : [Skip(group.First(), group.Count(), group.Key!.Name, reason)]);
            }

            return result;
        }

        private static XunitTestCase Skip(IXunitTestCase first, int count, string requirement, string reason) => new(
            first.TestMethod,
            count == 1 ? first.TestCaseDisplayName : $"{count} tests that need {requirement}",
            first.UniqueID,
            first.Explicit,
            skipReason: reason);
    }
}
