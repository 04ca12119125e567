using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Data.Sqlite;

namespace UserApi.Chaos;

/// <summary>What happens to files and disks: they fill up, are damaged, or belong to another program.</summary>
internal static class Disk
{
    public static void FillDisk(string ballast)
    {
        using var stream = new FileStream(ballast, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        foreach (var size in (ReadOnlySpan<int>)[64 * 1024, 4096])
        {
            try
            {
                while (true)
                {
                    stream.Write(new byte[size]);
                }
            }
            catch (IOException)
            {
                // No space left for a piece of this size
            }
        }
    }

    public static string Copy(string from, string to)
    {
        File.Copy(from, to);
        return to;
    }

    public static void Overwrite(string file, long offset, int count)
    {
        using var stream = File.OpenWrite(file);
        stream.Position = offset;
        stream.Write(Noise(count));
    }

    public static byte[] Noise(int count)
    {
        var noise = new byte[count];
        new Random(count).NextBytes(noise);
        return noise;
    }

    public static void Truncate(string file, long length)
    {
        using var stream = File.OpenWrite(file);
        stream.SetLength(length);
    }

    public static void Execute(string file, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={file};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public static string Hash(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));

    public static bool Mount(string type, string path, string options) => Run("mount", "-t", type, "-o", options, type, path) == 0;

    public static int Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
