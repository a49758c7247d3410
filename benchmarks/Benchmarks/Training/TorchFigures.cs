using System.Diagnostics;
using System.Text.Json;

namespace CompressTool.Benchmarks.Training;

/// <summary>Milliseconds of eager PyTorch in its best setting: forward, training step, forward of one image.</summary>
internal sealed record TorchFigures(double Forward, double Step, double Latency)
{
    /// <summary>PyTorch 1.13 on two cores that did about 512 GFLOP/s; this machine may be slower.</summary>
    public static Dictionary<string, TorchFigures> Recorded { get; } = new()
    {
        ["small"] = new(35.1, 121.9, 5.89),
        ["unet5m"] = new(170.1, 510.4, 17.5),
        ["cifar10"] = new(264.8, 883.0, 49.2),
    };

    /// <summary>Runs the program that the recorded figures come from, on this machine.</summary>
    /// <param name="script">The path of bench_torch.py.</param>
    public static Dictionary<string, TorchFigures> Measure(string script)
    {
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/python3", ["-B", script, "--repeat", "5"]) { RedirectStandardOutput = true })!;
        using var document = JsonDocument.Parse(process.StandardOutput.ReadToEnd());
        process.WaitForExit();
        return document.RootElement.GetProperty("models").EnumerateObject().ToDictionary(model => model.Name, model =>
        {
            var best = model.Value.GetProperty("best");
            return new TorchFigures(best.GetProperty("forward_ms").GetDouble(), best.GetProperty("train_step_ms").GetDouble(), best.GetProperty("latency_batch1_ms").GetDouble());
        });
    }
}
