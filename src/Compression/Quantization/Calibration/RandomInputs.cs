using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Calibration;

/// <summary>Random inputs, as gates draw them.</summary>
/// <param name="source">Draws them.</param>
/// <param name="model">The model.</param>
internal sealed class RandomInputs(InputSource source, Model model) : ICalibrationInputs
{
    /// <inheritdoc/>
    public int Runs => source.Samples;

    /// <inheritdoc/>
    public CalibrationFeeds Read(int run, CancellationToken cancellationToken) =>
        new(source.Feeds(run, [.. model.Graph.Inputs.Where(input => input.Initializer is null).Select(input => new FunctionValue(input.Name, input.TensorType!))]), 0);
}
