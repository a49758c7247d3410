using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>Which layers are quantized.</summary>
/// <param name="Quantized">Whether each layer is.</param>
/// <param name="Alone">The signal-to-noise ratio of the outputs in dB when each layer alone is quantized.</param>
/// <param name="SnrDb">That of the choice.</param>
internal sealed record FallbackChoice(bool[] Quantized, double[] Alone, double SnrDb);

/// <summary>
/// Finds which layers have to stay in float32 for the outputs to be good enough: a model in which each layer can be switched between itself and
/// its quantized twin, so that every choice is tried without making a model of it.
/// </summary>
internal sealed class QuantizationFallback : IDisposable
{
    /// <summary>Runs that are looked at: evenly spaced among those of the calibration.</summary>
    private const int Runs = 8;

    private readonly ICompiledFunction _function;
    private readonly string[] _switches;
    private readonly string[] _outputs;
    private readonly List<IReadOnlyDictionary<string, NdArray>> _feeds;
    private readonly StageContext _context;
    private List<IReadOnlyDictionary<string, NdArray>>? _references;

    /// <summary>Compiles the model with switches.</summary>
    /// <param name="model">The model, before anything is quantized; the same afterwards.</param>
    /// <param name="twins">Puts twins beside its layers.</param>
    /// <param name="layers">The layers, quantized.</param>
    /// <param name="inputs">The inputs of the calibration.</param>
    /// <param name="context">The stage's context.</param>
    /// <exception cref="CompressToolException">The model has no output of float32 (CMP4004).</exception>
    public QuantizationFallback(Model model, TwinLayers twins, IReadOnlyList<StaticLayer> layers, ICalibrationInputs inputs, StageContext context)
    {
        _context = context;
        _outputs = [.. model.Graph.Outputs.Where(output => output.ElementType == DataType.Float).Select(output => output.Name)];
        if (_outputs.Length == 0)
        {
            throw new CompressToolException(CompressionErrors.UnsuitableModel, "no output of the model is float32, and noise is judged by what such an output loses") { OptionPath = "min-snr" };
        }

        var switches = new List<string>();
        using (twins)
        {
            // All twins first: what they read is replaced with everything else that reads it.
            foreach (var pairs in layers.Select(twins.Add).ToArray())
            {
                var gate = twins.Input("quantized", new TensorType(DataType.Bool, Shape.Scalar));
                switches.Add(gate.Name);
                foreach (var (result, twin) in pairs)
                {
                    twins.Replace(result, twins.Node("Where", [gate, twin, result], "", node => model.Graph.InsertAfter(twin.Producer!, node)));
                }
            }

            _function = new OnnxRuntimeEngine().Compile(model, InstrumentedModel.Options(model), context.CancellationToken);
        }

        _switches = [.. switches];
        _feeds = [.. new SomeInputs(inputs, Runs).ReadAll(context.CancellationToken).Select(feeds => feeds.Arrays)];
    }

    /// <summary>The inputs that are looked at.</summary>
    public IReadOnlyList<IReadOnlyDictionary<string, NdArray>> Feeds => _feeds;

    /// <summary>The signal-to-noise ratio of the outputs with some layers quantized, in dB.</summary>
    /// <param name="quantized">Whether each layer is.</param>
    public double Measure(IReadOnlyList<bool> quantized)
    {
        _references ??= [.. _feeds.Select(feeds => Run(feeds, [.. quantized.Select(_ => false)]))];
        var sums = (Signal: 0.0, Noise: 0.0);
        foreach (var (run, feeds) in _feeds.Index())
        {
            var results = Run(feeds, quantized);
            foreach (var output in _outputs)
            {
                sums = SignalToNoise.Add(_references[run][output].AsSpan<float>(), results[output].AsSpan<float>(), sums);
            }
        }

        return SignalToNoise.Db(sums.Signal, sums.Noise);
    }

    /// <summary>The signal-to-noise ratio of the outputs when each layer alone is quantized, in dB.</summary>
    /// <param name="progress">Told what is done.</param>
    public double[] MeasureAlone(Action<double, string>? progress = null)
    {
        var count = _switches.Length;
        var alone = new double[count];
        for (var layer = 0; layer < count; layer++)
        {
            progress?.Invoke((double)layer / (count + 8), $"sensitivity of layers, {layer + 1} of {count}");
            alone[layer] = Measure([.. Enumerable.Range(0, count).Select(other => other == layer)]);
        }

        return alone;
    }

    /// <summary>The fewest layers, those that hurt the outputs most, that have to stay in float32.</summary>
    /// <param name="least">The least signal-to-noise ratio of the outputs in dB.</param>
    /// <param name="alone">What each layer does alone (<see cref="MeasureAlone"/>).</param>
    /// <param name="progress">Told what is done.</param>
    /// <returns>The choice.</returns>
    public FallbackChoice Choose(double least, double[] alone, Action<double, string>? progress = null)
    {
        var count = _switches.Length;
        int[] order = [.. Enumerable.Range(0, count).OrderBy(layer => alone[layer])];
        var all = Enumerable.Repeat(true, count).ToArray();
        var (fewest, most, reached) = (0, count, double.PositiveInfinity);
        while (fewest < most)
        {
            var kept = (fewest + most) / 2;
            var snr = Measure(Without(kept));
            (fewest, most, reached) = snr >= least ? (fewest, kept, snr) : (kept + 1, most, reached);
            progress?.Invoke((count + 4.0) / (count + 8), $"{kept} layers in float32: {snr:0.0} dB");
        }

        return new FallbackChoice(Without(most), alone, reached);

        bool[] Without(int kept)
        {
            var quantized = (bool[])all.Clone();
            foreach (var layer in order.Take(kept))
            {
                quantized[layer] = false;
            }

            return quantized;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _function.Dispose();

    private IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<bool> quantized)
    {
        var all = new Dictionary<string, NdArray>(feeds);
        foreach (var (index, name) in _switches.Index())
        {
            all[name] = NdArray.Create([quantized[index]]);
        }

        return _function.Run(all, _outputs, _context.CancellationToken);
    }
}
