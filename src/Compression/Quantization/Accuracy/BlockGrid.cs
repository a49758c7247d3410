using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CompressTool.Compression.Quantization.WeightOnly;

namespace CompressTool.Compression.Quantization.Accuracy;

/// <summary>A scale and a zero point for each block of rows of a column, exactly as <see cref="BlockQuantizer"/> finds and uses them.</summary>
/// <param name="rows">K.</param>
/// <param name="columns">N.</param>
/// <param name="format">The format.</param>
/// <param name="halfScales">True when scales are stored in float16.</param>
internal sealed class BlockGrid(int rows, int columns, BlockFormat format, bool halfScales) : IWeightGrid
{
    private readonly float[] _reciprocals = new float[columns * format.Blocks(rows)];
    private readonly float[] _zeroPoints = new float[columns * format.Blocks(rows)];

    /// <inheritdoc/>
    public int GroupSize => format.BlockSize;

    /// <inheritdoc/>
    public int Low => 0;

    /// <inheritdoc/>
    public int High => format.LargestCode;

    /// <summary>The scales, [blocks, N].</summary>
    public float[] Scales { get; } = new float[columns * format.Blocks(rows)];

    /// <summary>The zero points, [blocks, N].</summary>
    public ReadOnlySpan<float> ZeroPoints => _zeroPoints;

    /// <inheritdoc/>
    public void FindParameters(int group, int firstColumn, int count, ReadOnlySpan<float> weights, int step, int rows)
    {
        Span<float> block = stackalloc float[format.BlockSize];
        block.Clear();
        for (var column = 0; column < count; column++)
        {
            for (var row = 0; row < rows; row++)
            {
                block[row] = weights[(row * step) + column];
            }

            var place = (group * columns) + firstColumn + column;
            var parameters = BlockQuantizer.FindParameters(block, format, halfScales);
            (Scales[place], _reciprocals[place], _zeroPoints[place]) = (parameters.Scale, parameters.Reciprocal, parameters.ZeroPoint);
        }
    }

    /// <inheritdoc/>
    public void GetParameters(int row, int firstColumn, Span<float> scales, Span<float> zeroPoints)
    {
        var place = (row / format.BlockSize * columns) + firstColumn;
        Scales.AsSpan(place, scales.Length).CopyTo(scales);
        _zeroPoints.AsSpan(place, zeroPoints.Length).CopyTo(zeroPoints);
    }

    /// <inheritdoc/>
    public void Encode(int row, int firstColumn, ReadOnlySpan<float> weights, Span<float> codes)
    {
        var place = (row / format.BlockSize * columns) + firstColumn;
        var reciprocals = _reciprocals.AsSpan(place, weights.Length);
        var zeros = _zeroPoints.AsSpan(place, weights.Length);
        var wide = MemoryMarshal.Cast<float, Vector256<float>>(codes[..weights.Length]);
        for (var i = 0; i < wide.Length; i++)
        {
            var start = i * Vector256<float>.Count;
            wide[i] = BlockQuantizer.Round(
                Vector256.Create(weights[start..]), Vector256.Create<float>(reciprocals[start..]), Vector256.Create<float>(zeros[start..]), Vector256.Create((float)format.LargestCode));
        }

        for (var i = wide.Length * Vector256<float>.Count; i < weights.Length; i++)
        {
            codes[i] = BlockQuantizer.Round(
                Vector256.Create(weights[i]), Vector256.Create(reciprocals[i]), Vector256.Create(zeros[i]), Vector256.Create((float)format.LargestCode))[0];
        }
    }
}
