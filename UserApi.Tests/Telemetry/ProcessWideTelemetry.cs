namespace UserApi.Tests.Telemetry;

/// <summary>Activity sources and meters are shared by the process, so these tests run when no other test sends requests.</summary>
[CollectionDefinition(nameof(ProcessWideTelemetry), DisableParallelization = true)]
public sealed class ProcessWideTelemetry;
