using System.Diagnostics;
using System.Globalization;

namespace CompressTool.Benchmarks;

/// <summary>How long something took and how much memory it held at most.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakBytes">Peak resident memory, mapped files included; 0 where the system does not tell.</param>
/// <param name="ProcessorSeconds">Processor time of all threads, which other work on the machine disturbs less; 0 when not measured.</param>
internal readonly record struct Measurement(double Seconds, long PeakBytes, double ProcessorSeconds = 0);

/// <summary>Measures processes and actions.</summary>
internal static class Measure
{
    /// <summary>Runs a process to its end.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static Measurement Process(string file, string folder, params string[] args)
    {
        var start = new ProcessStartInfo(file, args) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        var watch = Stopwatch.StartNew();
        using var process = System.Diagnostics.Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        long peak = 0;
        while (!process.WaitForExit(10))
        {
            // The high-water mark only grows, so the last look before the end is close to the truth.
            peak = Math.Max(peak, PeakOf(process.Id));
        }

        process.WaitForExit();
        var seconds = watch.Elapsed.TotalSeconds;
        return process.ExitCode == 0 ? new Measurement(seconds, peak)
            : throw new InvalidOperationException($"{file} {string.Join(' ', args)} ended with {process.ExitCode}:\n{output.Result}{error.Result}");
    }

    /// <summary>Runs the tool.</summary>
    public static Measurement Tool(string folder, params string[] args) =>
        Process("dotnet", folder, ["exec", Path.Combine(AppContext.BaseDirectory, "dotnet-compress.dll"), .. args]);

    /// <summary>What the tool prints on standard output.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Output(string folder, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", ["exec", Path.Combine(AppContext.BaseDirectory, "dotnet-compress.dll"), .. args]) { WorkingDirectory = folder, RedirectStandardOutput = true };
        using var process = System.Diagnostics.Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{string.Join(' ', args)} ended with {process.ExitCode}");
    }

    /// <summary>
    /// Runs a named static method in a process of its own, so that its peak memory is not that of something before, and gives
    /// the median of each figure. The start of the process does not count.
    /// </summary>
    public static Measurement Isolated(int runs, Action<string[]> work, params string[] args)
    {
        var all = Enumerable.Range(0, runs).Select(_ => ChildProcess.Measure(work, args)).ToArray();
        double Middle(Func<Measurement, double> figure) => all.Select(figure).Order().ElementAt(runs / 2);
        return new Measurement(Middle(run => run.Seconds), (long)Middle(run => run.PeakBytes), Middle(run => run.ProcessorSeconds));
    }

    /// <summary>Median wall seconds of several runs.</summary>
    public static double Median(int runs, Action action)
    {
        var seconds = new double[runs];
        for (var i = 0; i < runs; i++)
        {
            seconds[i] = Seconds(action);
        }

        Array.Sort(seconds);
        return seconds[runs / 2];
    }

    /// <summary>The least wall seconds and the median of several actions that take turns, two first runs of each not counted.</summary>
    public static (double Best, double Median)[] InTurns(int runs, params Action[] actions)
    {
        var seconds = Array.ConvertAll(actions, _ => new double[runs]);
        for (var run = -2; run < runs; run++)
        {
            foreach (var (index, action) in actions.Index())
            {
                var time = Seconds(action);
                seconds[index][Math.Max(run, 0)] = time;
            }
        }

        return Array.ConvertAll(seconds, times => (times.Min(), times.Order().ElementAt(runs / 2)));
    }

    private static double Seconds(Action action)
    {
        var watch = Stopwatch.StartNew();
        action();
        return watch.Elapsed.TotalSeconds;
    }

    /// <summary>Peak resident memory of a process so far; 0 where the system does not tell.</summary>
    public static long PeakOf(int process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
