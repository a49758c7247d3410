using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Rounds the weights of layers by <see cref="Gptq"/> and then <see cref="CoordinateDescent"/>, for the inputs that they have while the
/// model as it was runs over the calibration's inputs.
/// </summary>
/// <param name="model">The model; it is the same afterwards.</param>
/// <param name="format">How weights are stored.</param>
/// <param name="context">The stage's context, for progress and cancellation.</param>
/// <param name="budget">Bytes of the Hessians that are held at once.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
/// <param name="slabWeights">Weights of a layer that are worked on at once; its columns do not depend on each other.</param>
internal sealed class GptqRounding(Model model, BlockFormat format, StageContext context, long budget = HessianPlan.UsualBudget, int threads = 0, int slabWeights = 1 << 25)
    : ICalibratedRounding
{
    private readonly Dictionary<Value, RoundedWeight> _weights = [];

    /// <inheritdoc/>
    public int Passes { get; private set; }

    /// <inheritdoc/>
    public void Run(IReadOnlyList<Layer> layers, ICalibrationInputs inputs, double share)
    {
        foreach (var layer in layers)
        {
            _weights[layer.Weight] = new RoundedWeight(null, null, HessianPlan.Unfit(layer, model.Graph, budget));
        }

        Passes = new HessianPasses(model, context, budget, threads).Run(layers.Where(layer => _weights[layer.Weight].Reason is null), inputs, share, (group, seen) =>
        {
            foreach (var layer in group.Layers)
            {
                _weights[layer.Weight] = seen is null ? new RoundedWeight(null, null, "it had no inputs") : Round(layer, seen.Hessian);
            }
        });
    }

    /// <inheritdoc/>
    public BlockwiseWeight? Find(Layer layer, CancellationToken cancellationToken) => _weights.GetValueOrDefault(layer.Weight)?.Weight;

    /// <inheritdoc/>
    public void Describe(Layer layer, JsonObject metrics)
    {
        var weight = _weights[layer.Weight];
        metrics["method"] = weight.Weight is null ? "nearest" : "gptq";
        if (weight.Reason is { } reason)
        {
            metrics["reason"] = reason;
        }

        if (weight.RelativeError is { } error)
        {
            metrics["outputErrorToNearest"] = Math.Round(error, 4);
        }
    }

    private RoundedWeight Round(Layer layer, double[] hessian)
    {
        var matrix = MatrixLayers.Weight(layer);
        var result = BlockwiseWeight.Empty(matrix, format, threads);
        var (error, nearestError) = (0.0, 0.0);
        var width = Math.Max(WeightGrids.SlabColumns, slabWeights / matrix.K / WeightGrids.SlabColumns * WeightGrids.SlabColumns);
        using var view = matrix.Tensor.Data.View();
        for (var first = 0; first < matrix.N; first += width)
        {
            var columns = Math.Min(width, matrix.N - first);
            var weights = matrix.ReadColumns(view, first, columns);
            var grid = new BlockGrid(matrix.K, columns, format, halfScales: false);
            var rounded = Gptq.Quantize(weights, columns, hessian, grid, new GptqOptions { Threads = threads }, context.CancellationToken);
            if (rounded.Damping is null)
            {
                return new RoundedWeight(null, null, "some of its inputs are infinite or not numbers");
            }

            CoordinateDescent.Improve(weights, rounded.Weights, columns, hessian, grid, threads: threads, cancellationToken: context.CancellationToken);
            error += OutputError.Of(weights, rounded.Weights, columns, hessian, threads);
            var nearest = new BlockGrid(matrix.K, columns, format, halfScales: false).RoundToNearest(weights, columns, threads);
            nearestError += OutputError.Of(weights, nearest, columns, hessian, threads);
            result.SetColumns(first, columns, weights, rounded.Weights, grid);
        }

        return error < nearestError ? new RoundedWeight(result, error / nearestError, null) : new RoundedWeight(null, null, "nearest codes are no worse");
    }

    /// <summary>A weight, and the error of the layer's outputs relative to that of nearest codes; or why nearest codes are taken.</summary>
    private sealed record RoundedWeight(BlockwiseWeight? Weight, double? RelativeError, string? Reason);
}
