namespace CompressTool.Onnx;

/// <summary>
/// Tensor bytes that a function computes from any place on when they are wanted: a piece costs no more than it is long, so a large
/// tensor is never in memory whole unless somebody wants to see it so.
/// </summary>
/// <param name="length">Number of bytes.</param>
/// <param name="fill">Writes a piece; must give the same bytes each time, however they are divided.</param>
public sealed class PiecewiseData(long length, PiecewiseData.Fill fill) : TensorData
{
    /// <summary>Computes a piece of the bytes of a tensor.</summary>
    /// <param name="offset">Where the piece starts.</param>
    /// <param name="destination">As long as the piece; its content is undefined before.</param>
    public delegate void Fill(long offset, Span<byte> destination);

    /// <inheritdoc/>
    public override long Length { get; } = length;

    /// <inheritdoc/>
    public override void Read(long offset, Span<byte> destination)
    {
        CheckRange(offset, destination.Length);
        fill(offset, destination);
    }

    /// <inheritdoc/>
    public override TensorView View()
    {
        var view = new NativeView(Length);
        try
        {
            const int Piece = 1 << 30;
            for (long offset = 0; offset < Length; offset += Piece)
            {
                fill(offset, view.Writable(offset, (int)Math.Min(Piece, Length - offset)));
            }

            return view;
        }
        catch
        {
            view.Dispose();
            throw;
        }
    }
}
