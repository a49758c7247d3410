using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>How far the outputs of a changed model are from those of the original.</summary>
internal static class OutputNoise
{
    /// <summary>Signal-to-noise ratio of all outputs over all inputs, in dB.</summary>
    public static double SnrDb(Model reference, Model changed, ICalibrationInputs inputs)
    {
        var engine = new OnnxRuntimeEngine();
        using var exact = engine.Compile(reference);
        using var rounded = engine.Compile(changed);
        var (signal, noise) = (0.0, 0.0);
        foreach (var feeds in inputs.ReadAll(default))
        {
            var (one, two) = (exact.Run(feeds.Arrays), rounded.Run(feeds.Arrays));
            foreach (var output in reference.Graph.Outputs)
            {
                var numbers = one[output.Name].AsSpan<float>();
                var others = two[output.Name].AsSpan<float>();
                for (var index = 0; index < numbers.Length; index++)
                {
                    signal += (double)numbers[index] * numbers[index];
                    noise += Math.Pow((double)numbers[index] - others[index], 2);
                }
            }
        }

        return 10 * Math.Log10(signal / noise);
    }
}
