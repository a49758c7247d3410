using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization.Accuracy;
using CompressTool.Onnx;

namespace CompressTool.Compression.Quantization.WeightOnly;

/// <summary>
/// Splits the weights of layers by <see cref="LowRankBranch"/>: x·W = (x·L1)·L2 + x·R. The layer keeps R, which is quantized; L1 and
/// L2 stay in float32. Residuals of large weights are computed when they are read.
/// </summary>
/// <param name="rank">Columns of L1 and rows of L2.</param>
/// <param name="threads">At most so many threads; 0 for as many as there are processors.</param>
internal sealed class LowRankSplit(int rank, int threads = 0)
{
    private readonly Dictionary<Value, Branch> _branches = [];

    /// <summary>Bytes of the two factors.</summary>
    public long Bytes(WeightMatrix matrix) => (long)rank * (matrix.K + matrix.N) * sizeof(float);

    /// <summary>Why a layer cannot be split; null when it can.</summary>
    /// <param name="layer">A layer that <see cref="MatrixLayers"/> can quantize.</param>
    public string? Unfit(Layer layer)
    {
        var matrix = MatrixLayers.Weight(layer);
        return Math.Min(matrix.K, matrix.N) <= rank ? $"its weight of {matrix.K} input and {matrix.N} output channels has no part of lower rank than {rank + 1}; give a smaller low-rank"
            : layer.Tensor.Type != DataType.Float ? "its weight is float16, and low-rank needs float32; quantize before fp16"
            : layer.Tensor.ByteLength > Array.MaxLength ? "its weight is too large for low-rank"
            : ChannelScaling.Unfit(layer);
    }

    /// <summary>Splits the weight of a layer that fits, unless it is split already or holds what is no finite number.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public void Split(Layer layer, CancellationToken cancellationToken)
    {
        if (_branches.ContainsKey(layer.Weight))
        {
            return;
        }

        var (matrix, tensor) = (MatrixLayers.Weight(layer), layer.Tensor);
        var weights = Read(matrix);
        if (!Array.TrueForAll(weights, float.IsFinite))
        {
            return;
        }

        var factors = LowRankBranch.Find(weights, matrix.N, rank, threads: threads, cancellationToken: cancellationToken);
        var residual = factors.Residual(weights, threads);
        var ratio = Squares(weights) / Squares(residual);
        var data = new ComputedData(tensor.ByteLength, destination => Write(matrix, factors.Residual(Read(matrix), threads), destination));
        layer.Replace(LazyWeights.KeepIfSmall(data));

        var graph = layer.Weight.Graph!;
        var name = layer.Weight.Name;
        var left = graph.AddInitializer(name + "_L1", Tensor.Floats([matrix.K, rank], factors.Left));
        var right = graph.AddInitializer(name + "_L2", Tensor.Floats([rank, matrix.N], factors.Right));
        foreach (var (node, _) in layer.Uses)
        {
            AddBranch(node, left, right);
        }

        _branches.Add(layer.Weight, new Branch([left.Initializer!, right.Initializer!], ratio));
    }

    /// <summary>L1 and L2 of a layer; none when it was not split.</summary>
    public IReadOnlyList<Tensor> Factors(Layer layer) => _branches.GetValueOrDefault(layer.Weight)?.Factors ?? [];

    /// <summary>Tells what the branch is, and makes the error one of the whole weight.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="metrics">The layer's metrics, which hold the error of the residual.</param>
    public void Describe(Layer layer, JsonObject metrics)
    {
        if (_branches.GetValueOrDefault(layer.Weight) is not { } branch)
        {
            return;
        }

        var gain = 10 * Math.Log10(branch.Ratio);
        metrics["lowRank"] = rank;
        metrics["lowRankBytes"] = branch.Factors.Sum(factor => factor.ByteLength);
        if (double.IsFinite(gain) && metrics["snrDb"] is { } snr)
        {
            metrics["weightToResidualDb"] = Math.Round(gain, 2);
            metrics["snrDb"] = Math.Round((double)snr + gain, 2);
        }
    }

    /// <summary>Adds (x·L1)·L2 to what a node makes of x.</summary>
    private static void AddBranch(Node node, Value left, Value right)
    {
        var (graph, input, output) = (node.Graph!, node.Input(0)!, node.Output(0)!);
        var name = node.Name.Length > 0 ? node.Name : output.Name;
        var product = new Value(graph.UniqueName(output.Name + "_residual"), output.Type);
        node.SetOutput(0, product);
        var sum = new Node("Add", [product, null], [output], graph.UniqueName(name + "_L_Add"));
        graph.InsertAfter(node, sum);
        var first = graph.AddNode(sum, "MatMul", name + "_L1", [input, left]);
        sum.SetInput(1, graph.AddNode(sum, "MatMul", name + "_L2", [first, right], output.Type));
    }

    private static float[] Read(WeightMatrix matrix)
    {
        using var view = matrix.Tensor.Data.View();
        return matrix.ReadColumns(view, 0, matrix.N);
    }

    private static void Write(WeightMatrix matrix, float[] weights, Span<byte> destination)
    {
        if (matrix.IsTransposed)
        {
            weights = Transposed(weights, matrix.K, matrix.N);
        }

        MemoryMarshal.AsBytes(weights.AsSpan()).CopyTo(destination);
    }

    private static float[] Transposed(float[] matrix, int rows, int columns)
    {
        var result = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = matrix[(row * columns) + column];
            }
        }

        return result;
    }

    private static double Squares(float[] numbers) => numbers.Sum(number => (double)number * number);

    /// <summary>L1, L2, and the sum of the squared weights over that of the residual's.</summary>
    private sealed record Branch(IReadOnlyList<Tensor> Factors, double Ratio);
}
