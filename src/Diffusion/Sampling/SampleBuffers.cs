using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Sampling;

/// <summary>The memory of a run that all batches share: one row for each sample.</summary>
internal sealed class SampleBuffers : IDisposable
{
    public SampleBuffers(int count, long[] shape, bool variance)
    {
        Shape = shape;
        RowLength = checked((int)shape.Aggregate(1L, (product, dim) => checked(product * dim)));
        Samples = new NativeArray(DataType.Float, [count, .. shape]);
        Outputs = new NativeArray(DataType.Float, [count, .. shape]);
        Variances = variance ? new float[count * RowLength] : [];
    }

    /// <summary>The shape of a sample.</summary>
    public long[] Shape { get; }

    /// <summary>The number of elements of a sample.</summary>
    public int RowLength { get; }

    /// <summary>The noisy samples.</summary>
    public NativeArray Samples { get; }

    /// <summary>What the model, after guidance, predicts for them.</summary>
    public NativeArray Outputs { get; }

    /// <summary>The variances that the model predicts; empty when they are not needed.</summary>
    public float[] Variances { get; }

    /// <summary>Frees all but the samples, which are the run's result.</summary>
    public void Dispose() => Outputs.Dispose();
}
