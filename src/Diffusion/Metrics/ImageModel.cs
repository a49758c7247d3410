using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Metrics;

/// <summary>A model that takes pictures and gives numbers: features, an embedding, or a distance of two pictures.</summary>
internal sealed class ImageModel : IDisposable
{
    private const int Batch = 32;

    private readonly ICompiledFunction _function;
    private readonly ImageModelOptions _options;
    private readonly string _name;
    private readonly FunctionValue[] _inputs;

    /// <summary>Prepares a model.</summary>
    /// <param name="function">The compiled model; it is disposed of with this.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">How pictures become its input.</param>
    /// <param name="pictures">How many pictures it takes at once: 1, or 2 to compare.</param>
    /// <exception cref="CompressToolException">It has other inputs or outputs (<see cref="DiffusionErrors.UnsuitableMetricModel"/>).</exception>
    public ImageModel(ICompiledFunction function, string name, ImageModelOptions options, int pictures = 1)
    {
        (_function, _name, _options) = (function, name, options);
        _inputs = [.. function.Inputs];
        if (_inputs.Length != pictures || _inputs.Any(input => input.Type is not { ElementType: DataType.Float, Shape.Count: 4 } || input.Type.Shape![1].Value is not (1 or 3)))
        {
            throw Unsuitable($"it must take {(pictures == 1 ? "one float32 [N,C,H,W]" : $"{pictures} float32 [N,C,H,W]")} with 1 or 3 channels, and takes {string.Join("; ", function.Inputs)}");
        }

        Output = ChooseOutput(function);
    }

    /// <summary>The output that is read.</summary>
    public FunctionValue Output { get; }

    /// <summary>What the model gives for each picture, or pair of pictures; where it gives a number for each place of a picture, their mean.</summary>
    /// <param name="pictures">As many sequences as the model takes pictures, of one length.</param>
    /// <param name="progress">Told the number of pictures that are done.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public FeatureSet Run(IReadOnlyList<Picture>[] pictures, IProgress<int>? progress, CancellationToken cancellationToken)
    {
        FeatureSet? rows = null;
        var count = pictures[0].Count;
        var batch = _inputs[0].Type.Shape![0].Value is { } one ? (int)one : Batch;
        for (var first = 0; first < count; first += batch)
        {
            // A model of fixed batch sees the last picture several times.
            var used = Math.Min(batch, count - first);
            var feeds = _inputs.Index().ToDictionary(input => input.Item.Name, input => Feed(
                [.. Enumerable.Range(0, _inputs[0].Type.Shape![0].Value is null ? used : batch).Select(i => pictures[input.Index][Math.Min(first + i, count - 1)])], input.Item));
            var output = _function.Run(feeds, [Output.Name], cancellationToken)[Output.Name];
            var values = Flatten(output, feeds[_inputs[0].Name].Dims[0]);
            rows ??= new FeatureSet(values.Length / (int)feeds[_inputs[0].Name].Dims[0]);
            rows.Add(values.AsSpan(0, used * rows.Dimensions));
            progress?.Report(first + used);
        }

        return rows ?? throw new CompressToolException(DiffusionErrors.InvalidMetric, "there are no images to measure");
    }

    /// <inheritdoc/>
    public void Dispose() => _function.Dispose();

    private FunctionValue ChooseOutput(ICompiledFunction function)
    {
        var known = function.Outputs.Where(output => output.Type.ElementType == DataType.Float).ToArray();
        var chosen = _options.Output is { } name ? known.FirstOrDefault(output => output.Name == name)
            : known.Length == 1 ? known[0] : known.FirstOrDefault(output => output.Name == "features");
        return chosen ?? throw Unsuitable(_options.Output is { } wanted
            ? $"it has no float32 output '{wanted}'{NearestName.Hint(wanted, [.. known.Select(output => output.Name)])}"
            : $"it has several outputs ({string.Join("; ", function.Outputs)}); name the one that is wanted");
    }

    private NdArray Feed(Picture[] pictures, FunctionValue input)
    {
        var shape = input.Type.Shape!;
        var channels = (int)shape[1].Value!.Value;
        (int Height, int Width) size = (shape[2].Value, shape[3].Value) is ({ } h, { } w) ? ((int)h, (int)w) : _options.Size ?? (pictures[0].Height, pictures[0].Width);
        var (length, plane) = (channels * size.Height * size.Width, size.Height * size.Width);
        var values = new float[pictures.Length * length];
        Parallel.For(0, pictures.Length, n =>
        {
            var samples = PictureResize.Scale(pictures[n].WithChannels(channels), size.Width, size.Height, _options.Filter);
            for (var i = 0; i < samples.Length; i++)
            {
                var channel = i % channels;
                values[(n * length) + (channel * plane) + (i / channels)] = (float)(((samples[i] / 255) - Of(_options.Mean, channel)) / Of(_options.Deviation, channel));
            }
        });
        return NdArray.Create(values, pictures.Length, channels, size.Height, size.Width);

        static double Of(IReadOnlyList<double> numbers, int channel) => numbers[numbers.Count == 1 ? 0 : channel];
    }

    private float[] Flatten(NdArray output, long batch)
    {
        if (output.Dims.Count == 0 || output.Dims[0] != batch || output.Count == 0)
        {
            throw Unsuitable($"its output '{Output.Name}' is {output} for {batch} pictures; it must have a row for each");
        }

        var values = output.AsSpan<float>();
        if (output.Dims.Count <= 2)
        {
            return values.ToArray();
        }

        var places = (int)output.Dims.Skip(2).Aggregate(1L, (count, dim) => count * dim);
        var means = new float[values.Length / places];
        for (var i = 0; i < means.Length; i++)
        {
            var sum = 0.0;
            foreach (var value in values.Slice(i * places, places))
            {
                sum += value;
            }

            means[i] = (float)(sum / places);
        }

        return means;
    }

    private CompressToolException Unsuitable(string why) => new(DiffusionErrors.UnsuitableMetricModel, $"{_name} cannot be used: {why}");
}
