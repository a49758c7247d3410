using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Pruning;

/// <summary>Runs the prune stage on models made of one matrix product or convolution per weight.</summary>
internal static class PruneRunner
{
    public static PruneOptions Weights(double sparsity, PruneScope scope = PruneScope.Local) =>
        new() { Structure = PruneStructure.Weights, Target = new PruneTarget { Sparsity = new Fraction(sparsity) }, Scope = scope };

    public static PruneOptions NM(PrunePattern pattern) => new() { Structure = PruneStructure.NM, Pattern = pattern };

    public static JsonObject Run(Model model, PruneOptions options, List<string>? warnings = null, CancellationToken cancellationToken = default)
    {
        IStage stage = new PruneStage();
        var context = new StageContext { CancellationToken = cancellationToken, Warn = (code, message, _) => warnings?.Add($"{code}: {message}") };
        var result = stage.Run(model, options, context);
        Assert.AreSame(model, result.Model);
        return result.Metrics;
    }

    public static CompressToolException Fail(Model model, PruneOptions options) =>
        Assert.ThrowsExactly<CompressToolException>(() => Run(model, options));

    /// <summary>A model with a matrix product for every weight, named a, b, c...</summary>
    public static Model ModelOf(params IEnumerable<Tensor> weights)
    {
        var builder = new GraphBuilder();
        foreach (var (index, tensor) in weights.Index())
        {
            var name = ((char)('a' + index)).ToString();
            var weight = builder.Weight(name + ".weight", tensor);
            builder.MatMul(name, tensor.Type == DataType.Float ? weight : builder.Add("Cast", "", [weight], Onnx.Attribute.Int("to", (long)DataType.Float)));
        }

        return builder.Model;
    }

    /// <summary>A model with one convolution.</summary>
    public static Model ConvModel(Tensor weight, int groups = 1, string op = "Conv")
    {
        var builder = new GraphBuilder();
        builder.Conv("conv", builder.Weight("conv.weight", weight), groups, op);
        return builder.Model;
    }

    /// <summary>A tensor of a type, its elements rounded to it.</summary>
    public static Tensor Make(DataType type, IReadOnlyList<long> dims, IEnumerable<double> elements) => type switch
    {
        DataType.Float => Onnx.Tensor.Create<float>(type, dims, [.. elements.Select(x => (float)x)]),
        DataType.Double => Onnx.Tensor.Create<double>(type, dims, [.. elements]),
        DataType.Float16 => Onnx.Tensor.Create<Half>(type, dims, [.. elements.Select(x => (Half)x)]),
        _ => Onnx.Tensor.Create<ushort>(type, dims, [.. elements.Select(x => (ushort)(BitConverter.SingleToUInt32Bits((float)x) >> 16))]),
    };

    /// <summary>The elements of a floating-point tensor of any type.</summary>
    public static double[] Elements(Tensor tensor) =>
        tensor.Type == DataType.Double ? tensor.ToArray<double>() : Array.ConvertAll(tensor.ToFloats(), x => (double)x);

    public static double[] Elements(Model model, int layer = 0) => Elements(Layers.Find(model.Graph)[layer].Tensor);

    /// <summary>Numbers as weights have them, with duplicates, zeros of both signs, tiny and infinite ones mixed in.</summary>
    public static double[] Numbers(Random random, long count)
    {
        var result = new double[count];
        for (var index = 0; index < count; index++)
        {
            result[index] = random.Next(12) switch
            {
                0 => 0.25 * random.Next(-2, 3),
                1 => random.Next(2) == 0 ? -0.0 : 0,
                2 when random.Next(20) == 0 => double.PositiveInfinity,
                2 when random.Next(20) == 0 => double.NegativeInfinity,
                3 => (random.NextDouble() - 0.5) * 1e-39,
                _ => (random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-6, 3)),
            };
        }

        return result;
    }
}
