using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using UserApi.Chaos;

[assembly: SupportedOSPlatform("linux")]

var parts = new Dictionary<string, Func<Report, CancellationToken, Task>>
{
    ["kill"] = KillPart.RunAsync,
    ["disk"] = DiskPart.RunAsync,
    ["sigterm"] = SigtermPart.RunAsync,
    ["overload"] = OverloadPart.RunAsync,
    ["soak"] = (report, cancellationToken) => SoakPart.RunAsync(report, Minutes(), cancellationToken),
};
var asked = args.Skip(1).Select(name => name.TrimStart('-')).Where(name => !double.TryParse(name, CultureInfo.InvariantCulture, out _)).ToList();
if (args.Length == 0 || asked.Exists(name => !parts.ContainsKey(name)))
{
    Console.Error.WriteLine($"usage: bench/chaos [{string.Join("] [", parts.Keys)} [minutes]]");
    return 2;
}

ApiProcess.Program = Path.GetFullPath(args[0]);
using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

var report = new Report();
try
{
    foreach (var name in asked.Count > 0 ? asked : [.. parts.Keys.Where(name => name != "soak")])
    {
        try
        {
            await parts[name](report, stop.Token);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            Console.Error.WriteLine(e);
            report.Add(name, "runs to its end", false, $"{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
        }
    }
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    Console.Error.WriteLine("Interrupted.");
    return 130;
}
finally
{
    report.Print();
}

return report.IsBroken ? 1 : 0;

// The parts then end the processes that they started.
void Stop(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}

double Minutes() => args.Skip(1).Where(arg => double.TryParse(arg, CultureInfo.InvariantCulture, out _))
    .Select(arg => double.Parse(arg, CultureInfo.InvariantCulture)).DefaultIfEmpty(10).First();
