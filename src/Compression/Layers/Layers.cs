using System.Globalization;
using CompressTool.Onnx;

namespace CompressTool.Compression;

/// <summary>Finds the layers of a model.</summary>
public static class Layers
{
    private const string WeightSuffix = ".weight";

    /// <summary>
    /// The layers of a graph and its subgraphs, in the order of their first nodes. Only floating-point weights make a layer,
    /// and only where the other operand is computed.
    /// </summary>
    public static IReadOnlyList<Layer> Find(Graph graph)
    {
        var found = new Dictionary<Value, List<WeightUse>>();
        var order = new List<Value>();
        foreach (var use in graph.AllNodes().Select(FindWeight).OfType<WeightUse>())
        {
            if (!found.TryGetValue(use.Weight, out var uses))
            {
                found.Add(use.Weight, uses = []);
                order.Add(use.Weight);
            }

            uses.Add(use);
        }

        var names = new HashSet<string>();
        return [.. order.Select(weight => Create(weight, found[weight], names))];
    }

    /// <summary>The constant that a value holds; also for weights that old exporters list as graph inputs with a default.</summary>
    internal static Tensor? ConstantOf(Value value) => value.Initializer ?? value.ConstantTensor;

    /// <summary>Gives the constant that a value holds another tensor: an initializer, or what a Constant node makes.</summary>
    internal static void ReplaceConstant(Value value, Tensor tensor)
    {
        if (value.Initializer is not null)
        {
            Graph.ReplaceInitializer(value, tensor);
            return;
        }

        var constant = value.Producer!;
        foreach (var attribute in constant.Attributes.ToArray())
        {
            constant.RemoveAttribute(attribute.Name);
        }

        constant.SetAttribute(Onnx.Attribute.Tensor("value", tensor));
        value.Type = new TensorType(tensor.Type, Shape.Of(tensor.Dims));
    }

    private static Layer Create(Value weight, List<WeightUse> uses, HashSet<string> names)
    {
        var first = uses[0];
        var same = uses.All(use => use.OutputAxis == first.OutputAxis && use.InputAxis == first.InputAxis && use.Groups == first.Groups);
        return new Layer(
            MakeUnique(NameOf(weight, first.Use.Node), names),
            first.Kind,
            weight,
            [.. uses.Select(use => use.Use)],
            same ? first.OutputAxis : null,
            same ? first.InputAxis : null,
            first.Groups);
    }

    private static WeightUse? FindWeight(Node node)
    {
        LayerKind? known = node.Domain.Length > 0 ? null : node.OpType switch
        {
            "Conv" => LayerKind.Conv,
            "ConvTranspose" => LayerKind.ConvTranspose,
            "Gemm" => LayerKind.Gemm,
            "MatMul" => LayerKind.MatMul,
            _ => null,
        };
        if (known is not { } kind)
        {
            return null;
        }

        if (kind is LayerKind.Conv or LayerKind.ConvTranspose)
        {
            var groups = checked((int)Math.Max(1, node.GetInt("group", 1)));
            return WeightChain.Trace(node.Input(1)) is not { Dims.Length: >= 3 } kernel ? null
                : kind == LayerKind.Conv ? kernel.At(new Use(node, 1), kind, outputAxis: 0, inputAxis: 1, groups)
                : kernel.At(new Use(node, 1), kind, outputAxis: 1, inputAxis: 0, groups);
        }

        var (left, right) = (WeightChain.Trace(node.Input(0)), WeightChain.Trace(node.Input(1)));
        if (left is null == right is null)
        {
            return null; // Two activations, or a constant in disguise.
        }

        var (transposeLeft, transposeRight) = kind == LayerKind.Gemm ? (node.GetInt("transA", 0) != 0, node.GetInt("transB", 0) != 0) : (false, false);
        if (right is { Dims.Length: >= 2 })
        {
            var (rows, columns) = (right.Dims.Length - 2, right.Dims.Length - 1);
            return transposeRight ? right.At(new Use(node, 1), kind, rows, columns, 1) : right.At(new Use(node, 1), kind, columns, rows, 1);
        }

        if (left is { Dims.Length: >= 2 })
        {
            var (rows, columns) = (left.Dims.Length - 2, left.Dims.Length - 1);
            return transposeLeft ? left.At(new Use(node, 0), kind, columns, rows, 1) : left.At(new Use(node, 0), kind, rows, columns, 1);
        }

        return null;
    }

    private static string NameOf(Value weight, Node node)
    {
        if (weight.Name.EndsWith(WeightSuffix, StringComparison.Ordinal) && weight.Name.Length > WeightSuffix.Length && !IsGenerated(weight.Name))
        {
            return weight.Name[..^WeightSuffix.Length];
        }

        if (!IsGenerated(weight.Name) || node.Name.Length == 0)
        {
            return weight.Name;
        }

        var path = node.Name.Split('/', StringSplitOptions.RemoveEmptyEntries);
        var isOperator = path.Length > 1 && (path[^1] == node.OpType || path[^1].StartsWith(node.OpType + "_", StringComparison.Ordinal));
        return path.Length == 0 ? node.Name : string.Join('.', isOperator ? path[..^1] : path);
    }

    /// <summary>True for names that exporters make up (<c>onnx::MatMul_12</c>, <c>/a/Constant_output_0</c>, <c>1234</c>): they change with every export.</summary>
    private static bool IsGenerated(string name) => name.Contains("::") || name.StartsWith('/') || name.All(char.IsAsciiDigit);

    private static string MakeUnique(string name, HashSet<string> names)
    {
        var result = name;
        for (var number = 2; !names.Add(result); number++)
        {
            result = string.Create(CultureInfo.InvariantCulture, $"{name}#{number}");
        }

        return result;
    }
}
