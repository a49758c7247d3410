using System.Globalization;
using System.Text.Json;

namespace CompressTool.Benchmarks.Training;

/// <summary>The time of all nodes by operator, from the runtime's profile.</summary>
internal static class OperatorProfile
{
    /// <summary>Prints the operators that take most, per run.</summary>
    public static void Print(string path, int runs, TextWriter output)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var times = new Dictionary<string, (double Milliseconds, int Count)>();
        foreach (var entry in document.RootElement.EnumerateArray())
        {
            if (entry.TryGetProperty("cat", out var category) && category.GetString() == "Node" && entry.GetProperty("name").GetString()!.EndsWith("_kernel_time", StringComparison.Ordinal))
            {
                var name = entry.GetProperty("args").GetProperty("op_name").GetString()!;
                var (milliseconds, count) = times.GetValueOrDefault(name);
                times[name] = (milliseconds + (entry.GetProperty("dur").GetDouble() / 1000), count + 1);
            }
        }

        foreach (var (name, time) in times.OrderByDescending(pair => pair.Value.Milliseconds).Take(16))
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {name,-28} {time.Milliseconds / runs,8:0.0} ms {time.Count / runs,5} nodes"));
        }
    }
}
