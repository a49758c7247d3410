namespace CompressTool.Onnx;

/// <summary>A constant array of which only the elements that are not zero are stored.</summary>
/// <param name="Values">The elements, one-dimensional.</param>
/// <param name="Indices">Where they are: [elements] with linear positions, or [elements, rank] with one index for each dimension; int64.</param>
/// <param name="Dims">Dimensions of the whole array.</param>
public sealed record SparseTensor(Tensor Values, Tensor Indices, IReadOnlyList<long> Dims);
