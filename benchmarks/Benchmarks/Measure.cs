using System.Diagnostics;
using System.Globalization;

namespace CompressTool.Benchmarks;

/// <summary>How long something took and how much memory it held at most.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakBytes">Peak resident memory; 0 where the system does not tell.</param>
internal readonly record struct Measurement(double Seconds, long PeakBytes);

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

    /// <summary>Median wall seconds of several runs.</summary>
    public static double Median(int runs, Action action)
    {
        var seconds = new double[runs];
        for (var i = 0; i < runs; i++)
        {
            var watch = Stopwatch.StartNew();
            action();
            seconds[i] = watch.Elapsed.TotalSeconds;
        }

        Array.Sort(seconds);
        return seconds[runs / 2];
    }

    private static long PeakOf(int process)
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
