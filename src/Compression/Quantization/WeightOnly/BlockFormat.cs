namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>How the operator MatMulNBits stores a weight: blocks along the inner dimension K with a scale each.</summary>
/// <param name="Bits">Bits of a code: 4 or 8.</param>
/// <param name="BlockSize">Weights per block: a power of two, at least 16.</param>
/// <param name="IsSymmetric">True: the zero point is the middle code and is not stored.</param>
internal sealed record BlockFormat(int Bits, int BlockSize, bool IsSymmetric)
{
    /// <summary>The largest code.</summary>
    public int LargestCode => (1 << Bits) - 1;

    /// <summary>The code of zero where no zero point is stored.</summary>
    public int MiddleCode => 1 << (Bits - 1);

    /// <summary>Bytes of a block's codes.</summary>
    public int BlockBytes => BlockSize * Bits / 8;

    /// <summary>Number of blocks of a column; the last one may be partly filled.</summary>
    public int Blocks(int k) => (k + BlockSize - 1) / BlockSize;

    /// <summary>Bytes of a column's zero points; each column starts at a whole byte.</summary>
    public int ZeroPointBytes(int k) => ((Blocks(k) * Bits) + 7) / 8;
}
