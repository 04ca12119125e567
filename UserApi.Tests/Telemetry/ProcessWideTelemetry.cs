namespace UserApi.Tests.Telemetry;

/// <summary>Activity sources and meters are the process's: these tests run when no other test makes requests.</summary>
[CollectionDefinition(nameof(ProcessWideTelemetry), DisableParallelization = true)]
public sealed class ProcessWideTelemetry;
