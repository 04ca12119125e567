namespace UserApi.Bench;

/// <summary>Folders: the checkout, what <c>bench/run</c> built, and a folder for this run, deleted at its end.</summary>
internal sealed class Places : IDisposable
{
    /// <summary>The API without ReadyToRun.</summary>
    public const string ApiPlain = "api-plain";

    public Places(string repository, bool hasReadyToRun)
    {
        HasReadyToRun = hasReadyToRun;
        Bench = Path.Combine(repository, "bench");
        Work = Path.Combine(Built, "work");
        Clear();
        Directory.CreateDirectory(Work);
    }

    public bool HasReadyToRun { get; }

    /// <summary>The published API.</summary>
    public string Api => HasReadyToRun ? "api" : ApiPlain;


    private string Bench { get; }

    public string Built => Path.Combine(Bench, "bin");

    public string Results => Path.Combine(Bench, "results");

    /// <summary>On the checkout's disk: a temporary folder may be in memory, where durable writes cost nothing.</summary>
    public string Work { get; }

    public string Peer(string name) => Path.Combine(Bench, "peers", name);

    /// <summary>A published program, as an argument of <c>dotnet</c>.</summary>
    public string Program(string name, string assembly) => Path.Combine(Built, name, $"{assembly}.dll");

    public void Dispose() => Clear();

    private void Clear()
    {
        if (Directory.Exists(Work))
        {
            Directory.Delete(Work, recursive: true);
        }
    }
}
