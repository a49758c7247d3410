using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Rows for an input x whose channels are correlated, as those of real layers are.</summary>
/// <param name="runs">How many runs.</param>
/// <param name="rows">Rows of a run.</param>
/// <param name="size">Channels.</param>
/// <param name="factor">Of all numbers.</param>
/// <param name="salient">Of the numbers of every tenth channel.</param>
internal sealed class FixedInputs(int runs, int rows, int size, float factor = 1, float salient = 1) : ICalibrationInputs
{
    public int Runs => runs;

    public List<Tensor> Rows { get; } = [.. Enumerable.Range(0, runs).Select(run =>
    {
        var numbers = RandomTensors.Normal($"rows {run}", 0, 1, rows, size).ToFloats();
        for (var place = 1; place < numbers.Length; place++)
        {
            numbers[place] += place % size == 0 ? 0 : 0.7f * numbers[place - 1];
        }

        return Tensor.Floats([rows, size], [.. numbers.Select((number, place) => number * factor * (place % size % 10 == 3 ? salient : 1))]);
    })];

    public CalibrationFeeds Read(int run, CancellationToken cancellationToken) => new(new Dictionary<string, NdArray> { ["x"] = NdArray.From(Rows[run]) }, 0);
}
