using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>
/// How much of each layer's result is noise when this layer alone is quantized: beside each layer of the float32 model a second one computes
/// with quantized weight and activation, and the two results are compared while the model runs. One pass for all layers.
/// </summary>
/// <param name="model">The model, before anything is quantized.</param>
/// <param name="type">The integers of activations.</param>
/// <param name="domain">The domain of QuantizeLinear and DequantizeLinear.</param>
/// <param name="parametersOf">Scale and zero point of an activation.</param>
/// <param name="results">The values that are made as integers.</param>
internal sealed class LayerNoise(Model model, ActivationType type, string domain, Func<Value, AffineParameters> parametersOf, IReadOnlyCollection<Value> results)
{
    /// <summary>Runs that are looked at, evenly spaced among those of the calibration: what noise needs to be known.</summary>
    public const int UsualRuns = 8;

    /// <summary>What its mean in each channel needs to be known.</summary>
    public const int RunsForMeans = 64;

    /// <summary>Compares all layers.</summary>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="inputs">The inputs of the calibration.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <param name="runs">How many runs to look at.</param>
    /// <returns>The errors of each layer, by its nodes.</returns>
    public IReadOnlyList<ChannelErrors[]> Measure(IReadOnlyList<StaticLayer> layers, ICalibrationInputs inputs, StageContext context, (double From, double To) progress, int runs = UsualRuns)
    {
        ChannelErrors[][] errors = [.. layers.Select(layer => layer.Layer.Uses.Select(_ => new ChannelErrors()).ToArray())];
        var comparison = new CompareOperator([.. errors.SelectMany(nodes => nodes)]);
        var some = new SomeInputs(inputs, runs);
        using (var function = Compile(layers, comparison, out var outputs, context.CancellationToken))
        {
            foreach (var (run, feeds) in some.ReadAll(context.CancellationToken).Index())
            {
                context.Report(progress.From + ((progress.To - progress.From) * run / some.Runs), $"noise of layers, {run + 1} of {some.Runs}");
                function.Run(feeds.Arrays, outputs, context.CancellationToken);
            }
        }

        return errors;
    }

    /// <summary>The signal-to-noise ratio of a layer's results in dB, to two decimals; null where there is no noise.</summary>
    /// <param name="errors">The errors of its nodes.</param>
    public static double? SnrDb(IEnumerable<ChannelErrors> errors) => SignalToNoise.RoundedDb(errors.Sum(node => node.Signal), errors.Sum(node => node.Noise));

    private ICompiledFunction Compile(IReadOnlyList<StaticLayer> layers, CompareOperator comparison, out IReadOnlyList<string> outputs, CancellationToken cancellationToken)
    {
        using var twins = new TwinLayers(model, type, domain, parametersOf, results);
        var compared = new List<Value>();
        foreach (var (index, (layer, (result, twin))) in layers.SelectMany(layer => twins.Add(layer).Select(pair => (layer, pair))).Index())
        {
            Attribute[] attributes = [Attribute.Int(CompareOperator.Index, index), Attribute.Int(CompareOperator.Axis, layer.Layer.Kind == LayerKind.Conv ? 1 : -1)];
            compared.Add(twins.Node(CompareOperator.Name, [result, twin], CustomOperator.Domain, model.Graph.Add, attributes));
        }

        return InstrumentedModel.Compile(model, () => compared, [comparison], out outputs, cancellationToken);
    }

    private sealed class CompareOperator(ChannelErrors[] errors) : CustomOperator(Name, [OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float])
    {
        public const string Name = "Compare";
        public const string Index = "index";
        public const string Axis = "axis";

        public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(errors[(int)info.GetInt(Index)], (int)info.GetInt(Axis));

        private sealed class Kernel(ChannelErrors errors, int axis) : CustomKernel
        {
            public override unsafe void Compute(KernelContext context)
            {
                var (exact, noisy) = (context.Input(0), context.Input(1));
                var (dims, count) = (exact.Dims, exact.Count);
                var channels = checked((int)dims[axis < 0 ? dims.Count + axis : axis]);
                var inner = axis < 0 ? 1 : checked((int)dims.Skip(axis + 1).Aggregate(1L, (product, dim) => product * dim));
                var part = Math.Max(1, int.MaxValue / 2 / Math.Max(1, (long)channels * inner)) * channels * inner;
                for (long start = 0; start < count; start += part)
                {
                    var length = (int)Math.Min(part, count - start);
                    errors.Add(new ReadOnlySpan<float>(exact.Floats + start, length), new ReadOnlySpan<float>(noisy.Floats + start, length), channels, inner);
                }

                context.Output(0).Floats[0] = 0;
            }
        }
    }
}
