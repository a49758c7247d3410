using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Rounds the weights of layers by <see cref="Gptq"/>, for the inputs that they have while the model as it was runs over the
/// calibration's inputs. Only Hessians and codes are held, so that memory does not grow with activations, nor by the model.
/// </summary>
/// <param name="model">The model; it is the same afterwards.</param>
/// <param name="format">How weights are stored.</param>
/// <param name="context">The stage's context, for progress and cancellation.</param>
/// <param name="budget">Bytes of the Hessians that are held at once.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
/// <param name="slabWeights">Weights of a layer that are worked on at once; its columns do not depend on each other.</param>
internal sealed class GptqRounding(Model model, BlockFormat format, StageContext context, long budget = HessianPlan.UsualBudget, int threads = 0, int slabWeights = 1 << 25)
{
    /// <summary>The share of the stage's progress that comes before layers are replaced.</summary>
    private const double CalibrationShare = 0.95;

    private readonly Dictionary<Value, RoundedWeight> _weights = [];

    /// <summary>How often the model ran over the inputs.</summary>
    public int Passes { get; private set; }

    /// <summary>Quantizes the selected layers of a model in place.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The options of the stage.</param>
    /// <param name="format">How weights are stored.</param>
    /// <param name="accuracyLevel">What the runtime may compute in, 0 to 4.</param>
    /// <param name="context">The stage's context.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="CompressToolException">No layer can be quantized, one that the recipe names cannot, or there is nothing to calibrate with.</exception>
    public static JsonObject Run(Model model, QuantizeOptions options, BlockFormat format, int accuracyLevel, StageContext context)
    {
        var selection = LayerSelection.Select(Layers.Find(model.Graph), options.Layers);
        var rounding = new GptqRounding(model, format, context);
        var scheme = new BlockwiseScheme(model, format, accuracyLevel, rounding: rounding);
        Layer[] layers = [.. selection.Layers.Where(layer => scheme.Kinds.Contains(layer.Kind) && scheme.Unfit(layer) is null)];
        using var inputs = layers.Length > 0 ? CalibrationSource.Open(model, options.Calibration, context) : null;
        if (inputs is not null)
        {
            rounding.Run(layers, inputs, CalibrationShare);
        }

        var metrics = LayerQuantization.Run(model, selection, scheme, context, CalibrationShare);
        metrics["calibrationRuns"] = inputs!.Runs;
        metrics["calibrationPasses"] = rounding.Passes;
        return metrics;
    }

    /// <summary>Rounds the weights of layers.</summary>
    /// <param name="layers">Layers that the scheme can quantize.</param>
    /// <param name="inputs">The inputs.</param>
    /// <param name="share">The share of the stage's progress that this has.</param>
    public void Run(IReadOnlyList<Layer> layers, ICalibrationInputs inputs, double share)
    {
        foreach (var layer in layers)
        {
            _weights[layer.Weight] = new RoundedWeight(null, null, HessianPlan.Unfit(layer, model.Graph, budget));
        }

        var passes = HessianPlan.Passes(layers.Where(layer => _weights[layer.Weight].Reason is null), budget);
        Passes = passes.Count;
        foreach (var (number, groups) in passes.Index())
        {
            Hessian[] hessians = [.. groups.Select(group => new Hessian(group.Size, threads))];
            var observer = new HessianOperator(hessians);
            var watches = groups.Index().SelectMany(group => group.Item.Inputs.Select(value => (Func<Value>)(() => observer.Watch(value, group.Index))));
            Calibrator.Run(model, observer, [.. watches], inputs, context, (share * number / passes.Count, share * (number + 0.7) / passes.Count));
            foreach (var (index, group) in groups.Index())
            {
                context.Report(share * (number + 0.7 + (0.3 * index / groups.Count)) / passes.Count, group.Layers[0].Name);
                var hessian = hessians[index].Rows > 0 ? hessians[index].Complete() : null;
                hessians[index] = null!; // The memory is needed.
                foreach (var layer in group.Layers)
                {
                    _weights[layer.Weight] = hessian is null ? new RoundedWeight(null, null, "it had no inputs") : Round(layer, hessian);
                }
            }
        }
    }

    /// <summary>The rounded weight of a layer; null when nearest codes are to be taken.</summary>
    public BlockwiseWeight? Find(Layer layer) => _weights.GetValueOrDefault(layer.Weight)?.Weight;

    /// <summary>Tells how the weight of a layer was rounded.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="metrics">Takes it.</param>
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
