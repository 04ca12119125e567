using BenchmarkDotNet.Running;
using UserApi.Bench.Inner;

BenchmarkSwitcher.FromAssembly(typeof(StoreBenchmarks).Assembly).Run(args);
