using System.Diagnostics;

namespace UserApi.Chaos;

/// <summary>The embedded store on a full disk, in a read-only folder, and with files that are damaged or belong to another program.</summary>
internal static class DiskPart
{
    private const int Users = 2000;
    private static readonly TimeSpan s_recovery = TimeSpan.FromSeconds(2);

    public static async Task RunAsync(Report report, CancellationToken cancellationToken)
    {
        using var folder = new WorkFolder();
        var good = folder["good.db"];
        await using (var api = ApiProcess.Start(ApiProcess.Embedded(good)))
        {
            await api.ReadyAsync(cancellationToken);
            await FillAsync(api, Users, cancellationToken);
            api.Terminate();
            await api.ExitAsync(TimeSpan.FromSeconds(30));
        }

        await RefuseAsync("no header", "file is not a database", file => Disk.Overwrite(file, 0, 100));
        await RefuseAsync("half of the file", "malformed", file => Disk.Truncate(file, new FileInfo(file).Length / 2));
        await RefuseAsync("a text", "file is not a database", file => File.WriteAllText(file, new string('x', 10_000)));
        await RefuseAsync("a newer version", "version 1000, of a newer program", file => Disk.Execute(file, "PRAGMA user_version = 1000"));
        await RefuseAsync("another program's database", "not a user store", file => Disk.Execute(file, "PRAGMA application_id = 7"));
        await DamagedPageAsync(report, folder, good, cancellationToken);
        await DamagedLogAsync(report, folder, cancellationToken);
        await ReadOnlyAsync(report, folder, good, cancellationToken);
        await FullAsync(report, folder, cancellationToken);

        async Task RefuseAsync(string what, string message, Action<string> damage)
        {
            var file = Disk.Copy(good, folder[$"{what}.db"]);
            damage(file);
            await StartRefusedAsync(report, $"{what} in the file's place", message, file, cancellationToken);
        }
    }

    private static async Task StartRefusedAsync(
        Report report, string what, string message, string file, CancellationToken cancellationToken)
    {
        var before = Disk.Hash(file);
        await using var api = ApiProcess.Start(ApiProcess.Embedded(file));
        var exit = await api.ExitAsync(TimeSpan.FromSeconds(30));
        cancellationToken.ThrowIfCancellationRequested();
        await Task.Delay(50, cancellationToken);
        var line = api.Log.Split('\n').FirstOrDefault(line => line.StartsWith("UserApi does not start.", StringComparison.Ordinal)) ?? "no message";
        var unchanged = before == Disk.Hash(file);
        report.Add(
            "disk", $"{what}: a clear message, nothing overwritten", exit == 1 && line.Contains(message, StringComparison.Ordinal) && unchanged,
            $"exit {exit}: “{line.Replace(file, "users.db", StringComparison.Ordinal)}”; file {(unchanged ? "unchanged" : "CHANGED")}");
    }

    private static async Task DamagedPageAsync(Report report, WorkFolder folder, string good, CancellationToken cancellationToken)
    {
        var file = Disk.Copy(good, folder["page.db"]);
        Disk.Overwrite(file, new FileInfo(file).Length / 2 / 4096 * 4096, 4096);
        var before = Disk.Hash(file);
        await using var api = ApiProcess.Start(ApiProcess.Embedded(file));
        await api.ReadyAsync(cancellationToken);
        var (right, refused, wrong) = await ReadAsync(api, Users, cancellationToken);
        api.Terminate();
        var exit = await api.ExitAsync(TimeSpan.FromSeconds(30));
        var unchanged = before == Disk.Hash(file);
        report.Add(
            "disk", "a damaged page: its users are 503, the others are right, nothing overwritten",
            wrong == 0 && refused > 0 && right > 0 && unchanged && api.Log.Contains("malformed", StringComparison.Ordinal),
            $"{right} right, {refused} × 503, {wrong} wrong or missing; exit {exit}; file {(unchanged ? "unchanged" : "CHANGED")}; the log says “database disk image is malformed”");
    }

    /// <summary>A damaged write-ahead log looks like one whose end was not written: SQLite continues from the last complete transaction.</summary>
    private static async Task DamagedLogAsync(Report report, WorkFolder folder, CancellationToken cancellationToken)
    {
        const int Few = 300;
        var file = folder["log.db"];
        var log = file + "-wal";
        await using (var api = ApiProcess.Start(ApiProcess.Embedded(file)))
        {
            await api.ReadyAsync(cancellationToken);
            await FillAsync(api, Few, cancellationToken);
            await api.KillAsync();
        }

        var middle = Disk.Copy(file, folder["middle.db"]);
        Disk.Copy(log, middle + "-wal");
        await using (var stream = File.Open(log, FileMode.Append))
        {
            stream.Write(Disk.Noise(10_000));
        }

        var (atEnd, _, wrongAtEnd) = await OpenAsync(file);
        report.Add(
            "disk", "garbage after the end of the log: nothing is lost", atEnd == Few && wrongAtEnd == 0, $"{atEnd} of {Few} users right, {wrongAtEnd} missing or wrong");

        Disk.Overwrite(middle + "-wal", new FileInfo(middle + "-wal").Length / 2, 4096);
        var (right, refused, missing) = await OpenAsync(middle);
        report.Add(
            "disk", "garbage in the middle of the log: the users before it, each whole", right > 0 && refused == 0 && right + missing == Few,
            $"{right} of {Few} users right, {missing} behind the damage are gone, 0 half-written");

        async Task<(int Right, int Refused, int Wrong)> OpenAsync(string path)
        {
            await using var api = ApiProcess.Start(ApiProcess.Embedded(path));
            await api.ReadyAsync(cancellationToken);
            using var connection = await HttpConnection.OpenAsync(api.Port, cancellationToken);
            var users = await StampedUser.ListAsync(connection, cancellationToken);
            if (users.ContainsValue(null))
            {
                throw new InvalidDataException("A user is half-written.");
            }

            return await ReadAsync(api, Few, cancellationToken);
        }
    }

    private static async Task ReadOnlyAsync(Report report, WorkFolder folder, string good, CancellationToken cancellationToken)
    {
        // Root ignores permissions but not a read-only mount.
        var path = Directory.CreateDirectory(folder["read-only"]).FullName;
        var mounted = Disk.Mount("tmpfs", path, "size=16m");
        var file = Disk.Copy(good, Path.Combine(path, "users.db"));
        try
        {
            if (mounted)
            {
                Disk.Mount("tmpfs", path, "remount,ro");
            }
            else
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead);
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
            }

            await StartRefusedAsync(report, "a read-only folder", "cannot be opened", file, cancellationToken);
        }
        finally
        {
            if (mounted)
            {
                Disk.Run("umount", path);
            }
            else
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }
        }
    }

    private static async Task FullAsync(Report report, WorkFolder folder, CancellationToken cancellationToken)
    {
        const string Promise = "a full disk: reads go on, writes are 503, and all is well when there is room";
        var path = Directory.CreateDirectory(folder["full"]).FullName;
        if (!Disk.Mount("tmpfs", path, "size=4m"))
        {
            report.Skip("disk", Promise, "mounting a small file system needs root");
            return;
        }

        try
        {
            var file = Path.Combine(path, "users.db");
            var ballast = Path.Combine(path, "ballast");
            var api = ApiProcess.Start(ApiProcess.Embedded(file));
            try
            {
                await api.ReadyAsync(cancellationToken);
                await FillAsync(api, 200, cancellationToken);
                Disk.FillDisk(ballast);
                var (written, refusal) = await WriteUntilRefusedAsync(api, 201, cancellationToken);
                var reads = await ReadAsync(api, written, cancellationToken);
                var isClear = refusal is { Status: 503, HasRetryAfter: true };
                report.Add(
                    "disk", "a full disk: reads go on, writes are 503 with Retry-After", isClear && reads.Right == written,
                    $"{written} users written, the next is {refusal.Status}; {reads.Right} of {written} right, {reads.Wrong} missing or wrong, {reads.Refused} × 503");

                await api.DisposeAsync();
                api = ApiProcess.Start(ApiProcess.Embedded(file));
                var opened = await api.ReadyAsync(cancellationToken);
                reads = await ReadAsync(api, written, cancellationToken);
                report.Add(
                    "disk", "killed and started again with the disk still full: it opens, reads go on", reads.Right == written,
                    $"open after {opened.TotalMilliseconds:0} ms, {reads.Right} of {written} right");

                File.Delete(ballast);
                var start = Stopwatch.GetTimestamp();
                while (await WriteAsync(api, written + 1, cancellationToken) is { IsSuccess: false } && Stopwatch.GetElapsedTime(start) < 2 * s_recovery)
                {
                    await Task.Delay(20, cancellationToken);
                }

                var recovery = Stopwatch.GetElapsedTime(start);
                reads = await ReadAsync(api, written + 1, cancellationToken);
                report.Add(
                    "disk", "room again: writes go on within 2 s without a restart, nothing is lost", recovery < s_recovery && reads.Right == written + 1,
                    $"after {recovery.TotalMilliseconds:0} ms; {reads.Right} of {written + 1} right");
            }
            finally
            {
                await api.DisposeAsync();
            }
        }
        finally
        {
            Disk.Run("umount", path);
        }
    }

    private static async Task FillAsync(ApiProcess api, int count, CancellationToken cancellationToken)
    {
        var (written, refusal) = await WriteUntilRefusedAsync(api, 1, cancellationToken, count);
        if (written != count)
        {
            throw new InvalidOperationException($"User {written + 1} was answered with {refusal.Status}.");
        }
    }

    /// <returns>The last number that was written, and the response to the next one.</returns>
    private static async Task<(int Written, Answer Refusal)> WriteUntilRefusedAsync(
        ApiProcess api, int from, CancellationToken cancellationToken, int to = 100_000)
    {
        using var connection = await HttpConnection.OpenAsync(api.Port, cancellationToken);
        for (var number = from; number <= to; number++)
        {
            var answer = await connection.SendAsync(Put(number), cancellationToken);
            if (!answer.IsSuccess)
            {
                return (number - 1, answer);
            }
        }

        return (to, default);
    }

    private static async Task<Answer> WriteAsync(ApiProcess api, int number, CancellationToken cancellationToken)
    {
        using var connection = await HttpConnection.OpenAsync(api.Port, cancellationToken);
        return await connection.SendAsync(Put(number), cancellationToken);
    }

    private static byte[] Put(int number) => HttpConnection.Request("PUT", $"/users/u{number}", StampedUser.Body(number));

    private static async Task<(int Right, int Refused, int Wrong)> ReadAsync(ApiProcess api, int count, CancellationToken cancellationToken)
    {
        using var connection = await HttpConnection.OpenAsync(api.Port, cancellationToken);
        var (right, refused, wrong) = (0, 0, 0);
        for (var number = 1; number <= count; number++)
        {
            var answer = await connection.SendAsync(HttpConnection.Request("GET", $"/users/u{number}"), cancellationToken);
            if (answer.Status == 503)
            {
                refused++;
            }
            else if (answer.Status == 200 && StampedUser.Number(answer.Body) == number)
            {
                right++;
            }
            else
            {
                wrong++;
            }
        }

        return (right, refused, wrong);
    }
}
