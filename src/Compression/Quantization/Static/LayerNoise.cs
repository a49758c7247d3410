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
    /// <summary>Runs that are looked at: evenly spaced among those of the calibration.</summary>
    private const int Runs = 8;

    /// <summary>Compares all layers.</summary>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="inputs">The inputs of the calibration.</param>
    /// <param name="context">The stage's context.</param>
    /// <param name="progress">The share of the stage's progress that this has, from and to.</param>
    /// <returns>The signal-to-noise ratio of each layer's result in dB, to two decimals; null where there is no noise.</returns>
    public IReadOnlyList<double?> Measure(IReadOnlyList<StaticLayer> layers, ICalibrationInputs inputs, StageContext context, (double From, double To) progress)
    {
        var comparison = new CompareOperator(layers.Count);
        var outputs = new List<string>();
        using (var function = Compile(layers, comparison, outputs, context.CancellationToken))
        {
            foreach (var (run, feeds) in inputs.ReadSome(Runs, context.CancellationToken).Index())
            {
                context.Report(progress.From + ((progress.To - progress.From) * run / Runs), $"noise of layers, {run + 1} of {Math.Min(Runs, inputs.Runs)}");
                function.Run(feeds.Arrays, outputs, context.CancellationToken);
            }
        }

        return [.. comparison.Sums.Select(sums => sums.Noise > 0 ? Math.Round(10 * Math.Log10(sums.Signal / sums.Noise), 2) : (double?)null)];
    }

    private ICompiledFunction Compile(IReadOnlyList<StaticLayer> layers, CompareOperator comparison, List<string> outputs, CancellationToken cancellationToken)
    {
        using var twins = new TwinLayers(model, type, domain, parametersOf, results);
        var compared = new List<Value>();
        foreach (var (index, layer) in layers.Index())
        {
            foreach (var (result, twin) in twins.Add(layer))
            {
                compared.Add(twins.Node(CompareOperator.Name, [result, twin], CustomOperator.Domain, model.Graph.Add, Attribute.Int(CompareOperator.Index, index)));
            }
        }

        outputs.AddRange(compared.Select(value => value.Name));
        return InstrumentedModel.Compile(model, compared, [comparison], cancellationToken);
    }

    private sealed class CompareOperator(int layers) : CustomOperator(Name, [OperatorParameter.Float, OperatorParameter.Float], [OperatorParameter.Float])
    {
        public const string Name = "Compare";
        public const string Index = "index";

        public (double Signal, double Noise)[] Sums { get; } = new (double, double)[layers];

        public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(Sums, (int)info.GetInt(Index));

        private sealed class Kernel((double Signal, double Noise)[] sums, int index) : CustomKernel
        {
            public override unsafe void Compute(KernelContext context)
            {
                var (exact, noisy) = (context.Input(0), context.Input(1));
                var (signal, noise) = (0.0, 0.0);
                for (long i = 0, count = exact.Count; i < count; i++)
                {
                    double number = exact.Floats[i];
                    signal += number * number;
                    noise += (number - noisy.Floats[i]) * (number - noisy.Floats[i]);
                }

                sums[index] = (sums[index].Signal + signal, sums[index].Noise + noise);
                context.Output(0).Floats[0] = 0;
            }
        }
    }
}
