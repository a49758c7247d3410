using System.Diagnostics;
using CompressedModels;
using CompressTool.Runtime;

namespace Denoise;

/// <summary>Turns noise into pictures with a U-Net that takes a noisy sample and its timestep.</summary>
internal sealed class Denoiser(string modelPath) : IDisposable
{
    private static readonly long[] s_shape = [1, 3, 32, 32];

    private readonly InferenceSession _session = new(modelPath);

    /// <summary>Denoises with deterministic steps.</summary>
    /// <returns>The picture, values from -1 to 1, and the milliseconds a step took (median).</returns>
    public (float[] Picture, double MillisecondsPerStep) Run(ReadOnlySpan<float> noise, int steps)
    {
        var sample = noise.ToArray();
        var timestep = new long[1];
        using var sampleValue = OrtValue.CreateTensorValueFromMemory(sample, s_shape);
        using var timestepValue = OrtValue.CreateTensorValueFromMemory(timestep, [1]);
        var inputs = new Dictionary<string, OrtValue> { [Unet2dSmall.Inputs.Sample] = sampleValue, [Unet2dSmall.Inputs.Timestep] = timestepValue };
        var timesteps = NoiseSchedule.Timesteps(steps);
        var times = new List<double>();
        for (var i = 0; i < timesteps.Length; i++)
        {
            timestep[0] = timesteps[i];
            var started = Stopwatch.GetTimestamp();
            using var outputs = _session.Run(inputs);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            NoiseSchedule.Step(sample, outputs[0].GetTensorDataAsSpan<float>(), timesteps[i], i + 1 < timesteps.Length ? timesteps[i + 1] : -1);
        }

        times.Sort();
        return (sample, times[times.Count / 2]);
    }

    /// <inheritdoc/>
    public void Dispose() => _session.Dispose();
}
