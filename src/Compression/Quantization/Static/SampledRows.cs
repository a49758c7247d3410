using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Quantization.Static;

/// <summary>Adds some of the rows that a node multiplies its weight with to Hessians: of a convolution patches, for each group of channels.</summary>
/// <param name="node">The node: Conv, or a product whose rows are the last axis of its input.</param>
/// <param name="hessians">A Hessian for each group.</param>
/// <param name="rows">About how many rows to add of each run.</param>
internal sealed class SampledRows(Node node, Hessian[] hessians, int rows)
{
    /// <summary>2^32 over the golden ratio: multiples of it are spread evenly, whatever the width of an image.</summary>
    private const uint Golden = 2654435769;

    private uint _number;

    /// <summary>The value whose rows they are.</summary>
    public Value Input => node.Inputs[0]!;

    /// <summary>Why the rows of a node cannot be taken; null when they can.</summary>
    public static string? Unfit(Node node) => !node.Is("Conv") ? null
        : node.GetString("auto_pad", "NOTSET") is not ("NOTSET" or "VALID") ? "its padding depends on the size of its input (auto_pad)"
        : node.Inputs[1]!.Shape is not { Count: 3 or 4 } ? "it is no convolution in one or two dimensions"
        : null;

    /// <summary>Adds rows of an input.</summary>
    /// <param name="input">The first number.</param>
    /// <param name="dims">Its dimensions.</param>
    public unsafe void Add(float* input, IReadOnlyList<long> dims)
    {
        var count = dims.Aggregate(1L, (product, dim) => product * dim);
        if (count == 0)
        {
            return;
        }

        if (!node.Is("Conv"))
        {
            var size = hessians[0].Size;
            var limit = Limit(count / size);
            for (long start = 0; start < count; start += size)
            {
                AddSome(hessians[0], new ReadOnlySpan<float>(input + start, size), ref _number, limit);
            }

            return;
        }

        var patches = Patches(dims);
        var image = checked((int)(count / dims[0]));
        var share = Limit(dims[0] * patches.OutputHeight * patches.OutputWidth);
        for (long start = 0; start < count; start += image)
        {
            var first = _number;
            foreach (var (group, hessian) in hessians.Index())
            {
                var number = first;
                patches.ForEach(new ReadOnlySpan<float>(input + start, image), group, all => AddSome(hessian, all, ref number, share));
                _number = number;
            }
        }
    }

    private static void AddSome(Hessian hessian, ReadOnlySpan<float> all, ref uint number, ulong limit)
    {
        for (; !all.IsEmpty; all = all[hessian.Size..])
        {
            if (unchecked(number++ * Golden) < limit)
            {
                hessian.Add(all[..hessian.Size]);
            }
        }
    }

    /// <summary>What the multiples have to be below for the share of the rows that is wanted.</summary>
    private ulong Limit(long all) => all <= rows ? 1UL << 32 : (ulong)((double)rows / all * (1UL << 32));

    private ConvolutionPatches Patches(IReadOnlyList<long> dims)
    {
        var flat = dims.Count == 3;
        var kernel = node.Inputs[1]!.Shape!;
        var strides = Pair("strides");
        var dilations = Pair("dilations");
        var pads = node.GetInts("pads") is { } given && node.GetString("auto_pad", "NOTSET") == "NOTSET" ? [.. given.Select(pad => (int)pad)] : new int[2 * (dims.Count - 2)];
        return new ConvolutionPatches((int)dims[1], flat ? 1 : (int)dims[2], (int)dims[^1], flat ? 1 : (int)kernel[2].Value!.Value, (int)kernel[^1].Value!.Value)
        {
            Strides = strides,
            Dilations = dilations,
            Padding = flat ? (0, pads[0], 0, pads[1]) : (pads[0], pads[1], pads[2], pads[3]),
            Groups = hessians.Length,
        };

        (int, int) Pair(string attribute) => node.GetInts(attribute) is { } ints ? (flat ? 1 : (int)ints[0], (int)ints[^1]) : (1, 1);
    }
}

/// <summary>Adds rows of values to Hessians while the model runs.</summary>
/// <param name="inputs">Whose rows.</param>
internal sealed class SampleOperator(IReadOnlyList<SampledRows> inputs) : CustomOperator("SampleRows", [OperatorParameter.Float], [OperatorParameter.Float])
{
    private const string Index = "index";

    /// <summary>Adds a node that looks at an input, and returns its output, which has to be asked for.</summary>
    /// <param name="index">The number of the input.</param>
    public Value Watch(int index) =>
        inputs[index].Input.Graph!.AddNode(null, OpType, $"{inputs[index].Input.Name}_sampled", [inputs[index].Input], new TensorType(DataType.Float, Shape.Scalar), Domain, Attribute.Int(Index, index));

    /// <inheritdoc/>
    public override CustomKernel CreateKernel(KernelInfo info) => new Kernel(inputs[(int)info.GetInt(Index)]);

    private sealed class Kernel(SampledRows rows) : CustomKernel
    {
        public override unsafe void Compute(KernelContext context)
        {
            var input = context.Input(0);
            rows.Add(input.Floats, input.Dims);
            context.Output(0).Floats[0] = 0;
        }
    }
}
