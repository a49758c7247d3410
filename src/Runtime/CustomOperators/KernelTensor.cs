namespace CompressTool.Runtime.CustomOperators;

/// <summary>A tensor that a kernel reads or writes: row-major elements in native memory, valid while the kernel runs.</summary>
public readonly unsafe struct KernelTensor
{
    internal KernelTensor(void* data, long[] dims)
    {
        Data = data;
        Dims = dims;
    }

    /// <summary>The first element.</summary>
    public void* Data { get; }

    /// <summary>The first element of a float32 tensor.</summary>
    public float* Floats => (float*)Data;

    /// <summary>The dimensions.</summary>
    public IReadOnlyList<long> Dims { get; }

    /// <summary>Number of elements.</summary>
    public long Count => Dims.Aggregate(1L, (count, dim) => count * dim);

    /// <summary>E.g. <c>[8,128,32,32]</c>.</summary>
    public override string ToString() => $"[{string.Join(',', Dims)}]";
}
