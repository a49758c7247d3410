using System.Diagnostics;
using System.Reflection;
using System.Text.Json;

namespace CompressTool.Benchmarks;

/// <summary>Runs a static method in a new process of this program and brings its cost back.</summary>
internal static class ChildProcess
{
    /// <summary>The first argument of such a process.</summary>
    public const string Command = "--child";

    /// <summary>Measures one run; the start of the process does not count.</summary>
    /// <exception cref="InvalidOperationException">The process failed.</exception>
    public static Measurement Measure(Action<string[]> work, string[] arguments)
    {
        var method = work.Method is { IsStatic: true } found && !found.Name.Contains('<') ? found
            : throw new ArgumentException("Only a named static method can run in another process.", nameof(work));
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        string[] entry = Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Assembly.GetEntryAssembly()!.Location] : [];
        foreach (var argument in (string[])[.. entry, Command, method.DeclaringType!.FullName!, method.Name, .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<Measurement>(output.TrimEnd().Split('\n')[^1])
            : throw new InvalidOperationException($"{method.Name} failed with exit code {process.ExitCode}");
    }

    /// <summary>What such a process does: the work once, then the figures on the last line.</summary>
    public static int Run(string[] arguments)
    {
        var work = Type.GetType(arguments[1])!.GetMethod(arguments[2], BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!.CreateDelegate<Action<string[]>>();
        using var process = Process.GetCurrentProcess();
        var before = process.TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        work(arguments[3..]);
        var seconds = watch.Elapsed.TotalSeconds;
        process.Refresh();
        Console.WriteLine(JsonSerializer.Serialize(new Measurement(seconds, Benchmarks.Measure.PeakOf(process.Id), (process.TotalProcessorTime - before).TotalSeconds)));
        return 0;
    }
}
