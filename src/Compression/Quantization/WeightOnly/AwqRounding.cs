using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Scales the input channels of layers and clips the ranges of their blocks by <see cref="AwqScales"/>, for the inputs that they have
/// while the model as it was runs over the calibration's inputs. Layers that share their inputs share scales. The scaled model computes
/// what it did before (<see cref="InputScaling"/>); weights are scaled when they are read, and only scales and clips are held.
/// </summary>
/// <param name="model">The model; scaled in place.</param>
/// <param name="format">How weights are stored.</param>
/// <param name="context">The stage's context, for progress and cancellation.</param>
/// <param name="budget">Bytes of the Hessians that are held at once.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
/// <param name="slabWeights">Weights of a layer that are worked on at once.</param>
internal sealed class AwqRounding(Model model, BlockFormat format, StageContext context, long budget = HessianPlan.UsualBudget, int threads = 0, int slabWeights = 1 << 23)
    : ICalibratedRounding
{
    /// <summary>What a multiplication at run time has to leave of the error of the outputs to be worth its time.</summary>
    private const double WorthANode = 0.95;

    /// <summary>Scales are tried out on about so many columns of the layers that share them: all candidates on all columns of large layers would take minutes.</summary>
    private const int SearchedColumns = 2048;

    private readonly Dictionary<Value, RoundedWeight> _weights = [];
    private readonly List<(HessianGroup Group, float[] Scales)> _scales = [];

    /// <inheritdoc/>
    public int Passes { get; private set; }

    /// <inheritdoc/>
    public void Run(IReadOnlyList<Layer> layers, ICalibrationInputs inputs, double share)
    {
        foreach (var layer in layers)
        {
            _weights[layer.Weight] = new RoundedWeight { Reason = HessianPlan.Unfit(layer, model.Graph, budget) ?? ChannelScaling.Unfit(layer) };
        }

        // What follows looks at the model as it was, so it is changed last.
        var scaling = new InputScaling(model);
        Passes = new HessianPasses(model, context, budget, threads).Run(
            layers.Where(layer => _weights[layer.Weight].Reason is null), inputs, share, (group, seen) => Find(group, seen, scaling));
        foreach (var (group, scales) in _scales)
        {
            var nodes = scaling.Apply(group.Inputs, group.Layers, scales);
            group.Layers.ForEach(layer => _weights[layer.Weight].Scaling = nodes > 0 ? "mul" : "constants");
        }
    }

    /// <inheritdoc/>
    public BlockwiseWeight? Find(Layer layer, CancellationToken cancellationToken) =>
        _weights[layer.Weight].Clips is { } clips ? BlockwiseWeight.Analyze(MatrixLayers.Weight(layer), format, threads, cancellationToken, clips) : null;

    /// <inheritdoc/>
    public void Describe(Layer layer, JsonObject metrics)
    {
        var weight = _weights[layer.Weight];
        metrics["method"] = weight.Reason is null ? "awq" : "nearest";
        if (weight.Reason is { } reason)
        {
            metrics["reason"] = reason;
        }
        else
        {
            metrics["scaling"] = weight.Scaling;
            metrics["outputErrorToNearest"] = Math.Round(weight.RelativeError, 4);
        }
    }

    private void Find(HessianGroup group, SeenInputs? seen, InputScaling scaling)
    {
        var reason = seen is null ? "it had no inputs" : Array.TrueForAll(seen.Hessian, double.IsFinite) ? null : "some of its inputs are infinite or not numbers";
        if (reason is not null)
        {
            group.Layers.ForEach(layer => _weights[layer.Weight].Reason = reason);
            return;
        }

        var search = new AwqScaleSearch(seen!.Sizes, seen.Hessian, threads);
        var step = (group.Layers.Sum(layer => (long)MatrixLayers.Weight(layer).N) + SearchedColumns - 1) / SearchedColumns;
        float[][] samples = [.. group.Layers.Select(layer => Sample(MatrixLayers.Weight(layer), (int)step))];
        Array.ForEach(samples, weights => search.AddSizes(weights, weights.Length / group.Size, format.BlockSize));
        Array.ForEach(samples, weights => search.AddErrors(weights, weights.Length / group.Size, new BlockGrid(group.Size, weights.Length / group.Size, format, halfScales: false), context.CancellationToken));
        var scales = search.Scales;
        var isScaled = search.Ratio is not null && (search.BestError <= WorthANode * search.PlainError || scaling.NeedsNodes(group.Inputs, group.Layers) is null);
        if (isScaled)
        {
            _scales.Add((group, scales));
        }
        else
        {
            Array.Fill(scales, 1);
        }

        foreach (var layer in group.Layers)
        {
            if (!Clip(layer, seen.Hessian, scales) && !isScaled)
            {
                (_weights[layer.Weight].Clips, _weights[layer.Weight].Reason) = (null, "nearest codes are no worse");
            }
        }
    }

    /// <summary>Finds the clips of a layer.</summary>
    /// <returns>Whether scales and clips make its outputs better.</returns>
    private bool Clip(Layer layer, double[] hessian, float[] scales)
    {
        var weight = _weights[layer.Weight];
        var matrix = MatrixLayers.Weight(layer);
        var blocks = format.Blocks(matrix.K);
        var clips = weight.Clips = new float[matrix.N * blocks];
        var (error, nearestError) = (0.0, 0.0);
        ForEachSlab(layer, (first, columns, weights) =>
        {
            var grid = new BlockGrid(matrix.K, columns, format, halfScales: false);
            var (found, errors) = AwqScales.FindClips(weights, columns, hessian, grid, scales, threads, context.CancellationToken);
            for (var place = 0; place < found.Length; place++)
            {
                clips[((first + (place % columns)) * blocks) + (place / columns)] = found[place];
            }

            error += errors.Sum();
            nearestError += OutputError.Of(weights, grid.RoundToNearest(weights, columns, threads), columns, hessian, threads);
        });
        weight.RelativeError = nearestError > 0 ? error / nearestError : 1;
        return error < nearestError;
    }

    /// <summary>Slabs of columns, evenly spaced, [K, columns]; the first one at least.</summary>
    private static float[] Sample(WeightMatrix matrix, int step)
    {
        const int Slab = WeightGrids.SlabColumns;
        int[] slabs = [.. Enumerable.Range(0, (matrix.N + Slab - 1) / Slab).Where(slab => slab % step == 0)];
        var columns = slabs.Sum(slab => Math.Min(Slab, matrix.N - (slab * Slab)));
        var result = new float[matrix.K * columns];
        using var view = matrix.Tensor.Data.View();
        for (var (index, to) = (0, 0); index < slabs.Length; index++)
        {
            var first = slabs[index] * Slab;
            var width = Math.Min(Slab, matrix.N - first);
            var weights = matrix.ReadColumns(view, first, width);
            for (var row = 0; row < matrix.K; row++)
            {
                weights.AsSpan(row * width, width).CopyTo(result.AsSpan((row * columns) + to));
            }

            to += width;
        }

        return result;
    }

    private void ForEachSlab(Layer layer, Action<int, int, float[]> action)
    {
        var matrix = MatrixLayers.Weight(layer);
        var width = Math.Max(WeightGrids.SlabColumns, slabWeights / matrix.K / WeightGrids.SlabColumns * WeightGrids.SlabColumns);
        using var view = matrix.Tensor.Data.View();
        for (var first = 0; first < matrix.N; first += width)
        {
            var columns = Math.Min(width, matrix.N - first);
            action(first, columns, matrix.ReadColumns(view, first, columns));
        }
    }

    /// <summary>What was found for a weight: clips, what divides its inputs, and the error of the outputs relative to that of nearest codes; or why nearest codes are taken.</summary>
    private sealed class RoundedWeight
    {
        public float[]? Clips { get; set; }

        public string Scaling { get; set; } = "none";

        public double RelativeError { get; set; } = 1;

        public string? Reason { get; set; }
    }
}
