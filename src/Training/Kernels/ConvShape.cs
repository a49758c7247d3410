using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Runtime.CustomOperators;

namespace CompressTool.Training.Kernels;

/// <summary>The attributes of a convolution in one or two dimensions; one dimension is a single row.</summary>
internal sealed record ConvAttributes
{
    /// <summary>Reads <c>kernel_shape</c>, <c>strides</c>, <c>pads</c>, <c>dilations</c> and <c>group</c>, with the defaults of ONNX.</summary>
    public ConvAttributes(KernelInfo info)
    {
        var kernel = info.GetInts("kernel_shape");
        SpatialRank = kernel.Length;
        if (SpatialRank is < 1 or > 2)
        {
            throw new CompressToolException(OnnxErrors.Unsupported, $"A convolution in {SpatialRank} dimensions is not supported; one or two are.");
        }

        var ones = kernel.Select(_ => 1L).ToArray();
        var strides = info.GetInts("strides", ones);
        var dilations = info.GetInts("dilations", ones);
        var pads = info.GetInts("pads", new long[2 * SpatialRank]);
        Group = Positive([info.GetInt("group", 1)], "group", 1)[0];
        (KernelRows, KernelColumns) = Pair(Positive(kernel, "kernel_shape", SpatialRank), 1);
        (RowStride, ColumnStride) = Pair(Positive(strides, "strides", SpatialRank), 1);
        (RowDilation, ColumnDilation) = Pair(Positive(dilations, "dilations", SpatialRank), 1);
        if (pads.Length != 2 * SpatialRank || pads.Any(pad => pad is < 0 or > int.MaxValue))
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"pads [{string.Join(',', pads)}] must be {2 * SpatialRank} numbers from 0 on.");
        }

        (Top, Left) = Pair([.. pads[..SpatialRank].Select(pad => (int)pad)], 0);
        (Bottom, Right) = Pair([.. pads[SpatialRank..].Select(pad => (int)pad)], 0);
    }

    public int SpatialRank { get; }

    public int Group { get; }

    public int KernelRows { get; }

    public int KernelColumns { get; }

    public int RowStride { get; }

    public int ColumnStride { get; }

    public int RowDilation { get; }

    public int ColumnDilation { get; }

    public int Top { get; }

    public int Left { get; }

    public int Bottom { get; }

    public int Right { get; }

    /// <summary>Splits dimensions [N, C, (rows,) columns] of an input, output or weight.</summary>
    public (int First, int Channels, int Rows, int Columns) Split(KernelTensor tensor, string name)
    {
        var dims = tensor.Dims;
        if (dims.Count != SpatialRank + 2 || dims.Any(dim => dim > int.MaxValue))
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput, $"{name} {tensor} must have {SpatialRank + 2} dimensions, as kernel_shape says.");
        }

        return ((int)dims[0], (int)dims[1], SpatialRank == 1 ? 1 : (int)dims[2], (int)dims[^1]);
    }

    private static int[] Positive(long[] values, string name, int count) =>
        values.Length == count && values.All(value => value is > 0 and <= int.MaxValue) ? [.. values.Select(value => (int)value)]
            : throw new CompressToolException(RuntimeErrors.InvalidInput, $"{name} [{string.Join(',', values)}] must be {count} numbers from 1 on.");

    private static (int Row, int Column) Pair(int[] values, int missing) => values.Length == 1 ? (missing, values[0]) : (values[0], values[1]);
}

/// <summary>A convolution with its sizes.</summary>
internal sealed record ConvShape
{
    /// <summary>Takes the sizes of input and output.</summary>
    /// <exception cref="CompressToolException">They do not belong together.</exception>
    public ConvShape(ConvAttributes attributes, KernelTensor input, KernelTensor output)
    {
        A = attributes;
        (Images, Channels, InputRows, InputColumns) = A.Split(input, "X");
        (var images, Filters, OutputRows, OutputColumns) = A.Split(output, "dY");
        if (images != Images || Channels % A.Group != 0 || Filters % A.Group != 0
            || OutputRows != Size(InputRows + A.Top + A.Bottom, A.KernelRows, A.RowStride, A.RowDilation)
            || OutputColumns != Size(InputColumns + A.Left + A.Right, A.KernelColumns, A.ColumnStride, A.ColumnDilation))
        {
            throw new CompressToolException(RuntimeErrors.InvalidInput,
                $"dY {output} is not the output of this convolution (kernel {A.KernelRows}x{A.KernelColumns}, strides {A.RowStride},{A.ColumnStride}, dilations {A.RowDilation},{A.ColumnDilation}, "
                + $"pads {A.Top},{A.Left},{A.Bottom},{A.Right}, group {A.Group}) for X {input}.");
        }
    }

    public ConvAttributes A { get; }

    public int Images { get; }

    /// <summary>Input channels of all groups.</summary>
    public int Channels { get; }

    public int InputRows { get; }

    public int InputColumns { get; }

    /// <summary>Output channels of all groups.</summary>
    public int Filters { get; }

    public int OutputRows { get; }

    public int OutputColumns { get; }

    /// <summary>Input channels of a group.</summary>
    public int GroupChannels => Channels / A.Group;

    /// <summary>Output channels of a group.</summary>
    public int GroupFilters => Filters / A.Group;

    /// <summary>Places of the convolution kernel.</summary>
    public int KernelSize => A.KernelRows * A.KernelColumns;

    /// <summary>Places of an output image.</summary>
    public int OutputSize => OutputRows * OutputColumns;

    /// <summary>Rows of the padded input that the convolution looks at.</summary>
    public int PaddedRows => ((OutputRows - 1) * A.RowStride) + ((A.KernelRows - 1) * A.RowDilation) + 1;

    /// <summary>Columns of the padded input that the convolution looks at.</summary>
    public int PaddedColumns => ((OutputColumns - 1) * A.ColumnStride) + ((A.KernelColumns - 1) * A.ColumnDilation) + 1;

    private static int Size(int padded, int kernel, int stride, int dilation) =>
        padded < ((kernel - 1) * dilation) + 1 ? 0 : ((padded - ((kernel - 1) * dilation) - 1) / stride) + 1;
}
