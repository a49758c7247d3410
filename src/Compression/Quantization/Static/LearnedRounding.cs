using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.WeightOnly;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// Decides by <see cref="AdaRound"/> or <see cref="Gptq"/> which integer each weight takes, for the inputs that layers have while the model in
/// floating point runs over the calibration's inputs. Only Hessians are held, those of a pass at a time, so that memory does not grow with activations.
/// </summary>
/// <param name="model">The model; it is the same afterwards.</param>
/// <param name="method">How; not to nearest.</param>
/// <param name="context">The stage's context.</param>
/// <param name="budget">Bytes of the Hessians that are held at once.</param>
internal sealed class LearnedRounding(Model model, WeightRounding method, StageContext context, long budget = HessianPlan.UsualBudget)
{
    /// <summary>Rows of a layer's input that its Hessian is made of, about.</summary>
    private const int Rows = 8192;

    /// <summary>Weights of a layer that are worked on at once; its columns do not depend on each other.</summary>
    private const int SlabWeights = 1 << 22;

    private readonly Dictionary<StaticLayer, (double? Error, string? Reason)> _outcomes = [];

    /// <summary>Rounds the weights of layers.</summary>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="inputs">The inputs of the calibration.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    public void Run(IReadOnlyList<StaticLayer> layers, ICalibrationInputs inputs, (double From, double To) progress)
    {
        var passes = Passes(layers);
        foreach (var (number, problems) in passes.Index())
        {
            var (start, share) = (progress.From + ((progress.To - progress.From) * number / passes.Count), (progress.To - progress.From) / passes.Count);
            problems.ForEach(problem => problem.Start((Rows + inputs.Runs - 1) / inputs.Runs));
            var observer = new SampleOperator([.. problems.SelectMany(problem => problem.Samples)]);
            Calibrator.Run(model, observer, [.. Enumerable.Range(0, problems.Sum(problem => problem.Samples.Count)).Select(index => (Func<Value>)(() => observer.Watch(index)))], inputs, context, (start, start + (share / 2)));
            foreach (var (index, problem) in problems.Index())
            {
                context.Report(start + (share * (0.5 + (0.5 * index / problems.Count))), $"rounding of {problem.Layers[0].Layer.Name}");
                var hessians = problem.Complete();
                foreach (var layer in problem.Layers)
                {
                    _outcomes[layer] = hessians is null ? (null, "it had no inputs, or some are infinite or not numbers") : (Round(layer, hessians), null);
                }
            }
        }
    }

    /// <summary>Tells how the weight of a layer was rounded.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="metrics">Takes it.</param>
    public void Describe(StaticLayer layer, JsonObject metrics)
    {
        var (error, reason) = _outcomes[layer];
        metrics["rounding"] = reason is not null ? "nearest" : method == WeightRounding.Gptq ? "gptq" : "adaround";
        if (reason is not null)
        {
            metrics["reason"] = reason;
        }

        if (error is { } relative)
        {
            metrics["outputErrorToNearest"] = Math.Round(relative, 4);
        }
    }

    private List<List<Problem>> Passes(IReadOnlyList<StaticLayer> layers)
    {
        var problems = new List<Problem>();
        foreach (var layer in layers)
        {
            var problem = new Problem(layer);
            var reason = layer.Layer.Uses.Select(use => SampledRows.Unfit(use.Node)).FirstOrDefault(reason => reason is not null)
                ?? (problem.Bytes > budget ? $"it has {problem.Size} inputs for each output, more than the {(int)Math.Sqrt(budget / sizeof(double))} whose Hessian fits into memory" : null);
            if (reason is not null)
            {
                _outcomes[layer] = (null, reason);
            }
            else if (problems.Find(other => other.IsSame(problem)) is { } same)
            {
                same.Layers.Add(layer);
            }
            else
            {
                problems.Add(problem);
            }
        }

        return HessianPlan.Pack(problems, problem => problem.Bytes, budget);
    }

    /// <summary>Rounds a layer, and returns the error of its results over that of the nearest integers.</summary>
    private double Round(StaticLayer layer, double[][] hessians)
    {
        var (weights, rows) = (layer.ReadColumns(), layer.Rows);
        var columns = weights.Length / rows;
        var perGroup = columns / hessians.Length;
        var (codes, error, nearest) = (new sbyte[weights.Length], 0.0, 0.0);
        var width = Math.Max(1, Math.Min(perGroup, SlabWeights / rows));
        foreach (var (group, hessian) in hessians.Index())
        {
            for (var first = group * perGroup; first < (group + 1) * perGroup; first += width)
            {
                var count = Math.Min(width, ((group + 1) * perGroup) - first);
                var grid = new ColumnGrid(rows, count, layer.Range) { IsGiven = true };
                for (var column = 0; column < count; column++)
                {
                    grid.Scales[column] = layer.ScaleOf(first + column);
                }

                var slab = new float[rows * count];
                for (var place = 0; place < slab.Length; place++)
                {
                    slab[place] = weights[(place / count * columns) + first + (place % count)];
                }

                var result = Round(slab, count, hessian, grid);
                (error, nearest) = (error + result.Error, nearest + result.NearestError);
                for (var place = 0; place < slab.Length; place++)
                {
                    codes[(place / count * columns) + first + (place % count)] = (sbyte)Math.Round(result.Weights[place] / grid.Scales[place % count]);
                }
            }
        }

        layer.Replace(codes);
        return nearest > 0 ? error / nearest : 1;
    }

    private AdaRoundResult Round(float[] weights, int columns, double[] hessian, ColumnGrid grid)
    {
        if (method == WeightRounding.AdaRound)
        {
            return AdaRound.Round(weights, columns, hessian, grid, new AdaRoundOptions(), context.CancellationToken);
        }

        var nearest = grid.RoundAll(weights, columns);
        var nearestError = OutputError.Of(weights, nearest, columns, hessian);
        var rounded = Gptq.Quantize(weights, columns, hessian, grid, new GptqOptions(), context.CancellationToken).Weights;
        var error = OutputError.Of(weights, rounded, columns, hessian);
        return error < nearestError ? new AdaRoundResult(rounded, nearestError, error, 0) : new AdaRoundResult(nearest, nearestError, nearestError, columns);
    }

    /// <summary>Layers that multiply their weights with the same rows.</summary>
    private sealed class Problem(StaticLayer layer)
    {
        private readonly int _groups = layer.Layer.Kind == LayerKind.Conv ? layer.Layer.Groups : 1;
        private Hessian[] _hessians = [];

        public List<StaticLayer> Layers { get; } = [layer];

        public IReadOnlyList<SampledRows> Samples { get; private set; } = [];

        public int Size { get; } = layer.Rows;

        public long Bytes => (long)_groups * Size * Size * sizeof(double);

        public bool IsSame(Problem other) => layer.Layer.Kind != LayerKind.Conv && other.Layers[0].Layer.Kind != LayerKind.Conv
            && layer.Layer.Uses.Select(use => use.Node.Inputs[0]).Distinct().SequenceEqual(other.Layers[0].Layer.Uses.Select(use => use.Node.Inputs[0]).Distinct());

        public void Start(int rowsOfRun)
        {
            _hessians = [.. Enumerable.Range(0, _groups).Select(_ => new Hessian(Size))];
            Samples = [.. layer.Layer.Uses.DistinctBy(use => layer.Layer.Kind == LayerKind.Conv ? (object)use.Node : use.Node.Inputs[0]!).Select(use => new SampledRows(use.Node, _hessians, rowsOfRun))];
        }

        /// <summary>The Hessians; null when there were no rows, or some are not finite.</summary>
        public double[][]? Complete()
        {
            var result = _hessians.Any(hessian => hessian.Rows == 0) ? null : Array.ConvertAll(_hessians, hessian => hessian.Complete());
            (_hessians, Samples) = ([], []); // The memory is needed.
            return result?.Any(hessian => hessian.ContainsAnyExceptInRange(double.MinValue, double.MaxValue)) == false ? result : null;
        }
    }
}
