using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;
using CompressTool.Training.Expressions;
using CompressTool.Training.Tests.Kernels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Engine;

/// <summary>Graphs with kernels against the same ones in standard operators.</summary>
[TestClass]
public sealed class FusionTests
{
    private static readonly string[] s_groupNorm = ["GroupNormSilu", "GroupNormSiluGrad"];

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void Group_normalisation_of_exporters_becomes_one_operator(bool hasSilu) => Check(
        builder =>
        {
            var y = (Grouped(builder, builder.Of("x"), 2, null) * builder.Of("a")) + builder.Of("b");
            return hasSilu ? y * y.Sigmoid() : y;
        },
        s_groupNorm, ("x", [2, 6, 4, 5]), ("a", [6, 1, 1]), ("b", [6, 1, 1]));

    [TestMethod]
    public void Factors_may_come_first_and_have_an_axis_for_the_batch() => Check(
        builder =>
        {
            var y = builder.Of("b") + (builder.Of("a") * Grouped(builder, builder.Of("x"), 3, null));
            return y.Sigmoid() * y;
        },
        s_groupNorm, ("x", [2, 6, 7]), ("a", [1, 6, 1]), ("b", [1, 6, 1]));

    [TestMethod]
    public void Trained_parameters_of_the_inner_normalisation_count() => Check(
        builder => (Grouped(builder, builder.Of("x"), 2, (builder.Of("s"), builder.Of("t"))) * builder.Of("a")) + builder.Of("b"),
        s_groupNorm, ("x", [3, 4, 3, 3]), ("s", [2]), ("t", [2]), ("a", [4, 1, 1]), ("b", [4, 1, 1]));

    [TestMethod]
    public void Instance_normalisation_alone_is_one_with_a_group_for_each_channel() => Check(
        builder => builder.Node("InstanceNormalization", [builder.Of("x"), builder.Of("s"), builder.Of("t")], Attribute.Float("epsilon", 1e-3f)),
        s_groupNorm, ("x", [2, 3, 4, 4]), ("s", [3]), ("t", [3]));

    [TestMethod]
    [DataRow(18, 2)]
    [DataRow(21, 6)]
    public void Group_normalisation_has_parameters_by_group_or_channel(int opset, int parameters) => Check(
        builder =>
        {
            builder.Model.OpsetImports[""] = opset;
            var y = builder.Node("GroupNormalization", [builder.Of("x"), builder.Of("s"), builder.Of("t")], Attribute.Int("num_groups", 2), Attribute.Float("epsilon", 1e-3f));
            return y * y.Sigmoid();
        },
        s_groupNorm, ("x", [2, 6, 4, 4]), ("s", [parameters]), ("t", [parameters]));

    [TestMethod]
    public void Factors_that_are_not_by_channel_stay_outside() => Check(
        builder => Grouped(builder, builder.Of("x"), 2, null) * builder.Of("a"), s_groupNorm, ("x", [2, 4, 3, 3]), ("a", [3, 3]));

    [TestMethod]
    public void Values_that_are_needed_elsewhere_are_kept() => Check(
        builder =>
        {
            var y = Grouped(builder, builder.Of("x"), 2, null) * builder.Of("a");
            return (y + builder.Of("b")) * y;
        },
        s_groupNorm, ("x", [2, 4, 3, 3]), ("a", [4, 1, 1]), ("b", [4, 1, 1]));

    [TestMethod]
    public void Silu_has_a_kernel_for_its_gradient() => Check(builder => builder.Of("x") * builder.Of("x").Sigmoid(), ["QuickGelu", "SiluGrad"], ("x", [5, 7]));

    [TestMethod]
    [DataRow(DataType.UInt8, 100)]
    [DataRow(DataType.Int8, -7)]
    public void A_pair_that_rounds_with_one_constant_scale_is_one_operator(DataType type, int zeroPoint) => Check(
        builder => Rounded(builder, builder.Constant(Tensor.Float(0.01f)), type, zeroPoint), ["FakeQuantize", "FakeQuantizeGrad"], ("x", [5, 700]));

    [TestMethod]
    public void A_pair_with_a_scale_that_is_computed_stays_in_standard_operators() => Check(
        builder => Rounded(builder, builder.Of("x").StopGradient().Abs().Largest() / 100, DataType.UInt8, 100), [], ("x", [5, 70]));

    [TestMethod]
    public void A_sigmoid_that_something_else_takes_is_no_silu()
    {
        var operators = Check(builder => builder.Of("x") * (builder.Of("x").Sigmoid() is var s ? s + s.Square() : s), [], ("x", [5, 7]));

        Assert.DoesNotContain("QuickGelu", operators);
    }

    [TestMethod]
    [DataRow(1, 1, 1)]
    [DataRow(2, 1, 1)]
    [DataRow(1, 2, 1)]
    [DataRow(2, 2, 2)]
    public void Convolutions_take_the_kernel_for_their_weights(int stride, int dilation, int groups) => Check(
        builder => builder.Node("Conv", [builder.Of("x"), builder.Of("w"), builder.Of("b")],
            Attribute.Ints("strides", stride, stride), Attribute.Ints("dilations", dilation, dilation), Attribute.Ints("pads", 1, 0, 2, 1), Attribute.Int("group", groups)),
        stride == 1 && groups == 1 ? ["ConvGradWeight", "ConvRotateWeight"] : ["ConvGradWeight"], ("x", [2, 4, 9, 8]), ("w", [6, 4 / groups, 3, 2]), ("b", [6]));

    [TestMethod]
    public void Convolutions_over_volumes_stay_in_standard_operators()
    {
        var operators = Check(builder => builder.Node("Conv", [builder.Of("x"), builder.Of("w")]), [], ("x", [1, 2, 4, 4, 4]), ("w", [3, 2, 2, 2, 2]));

        Assert.DoesNotContain("ConvGradWeight", operators);
    }

    [TestMethod]
    public void Transposed_convolutions_take_the_kernel_for_their_weights() => Check(
        builder => builder.Node("ConvTranspose", [builder.Of("x"), builder.Of("w")], Attribute.Ints("strides", 2, 2), Attribute.Ints("pads", 1, 1, 1, 1)),
        ["ConvGradWeight"], ("x", [2, 3, 5, 5]), ("w", [3, 4, 4, 4]));

    /// <summary>Normalises groups as exporters write it; without parameters, with ones and zeros.</summary>
    private static Expr Grouped(GraphBuilder builder, Expr x, int groups, (Expr Scale, Expr Bias)? parameters)
    {
        var (scale, bias) = parameters ?? (builder.Constant(Tensor.Floats([groups], [.. Enumerable.Repeat(1f, groups)])), builder.Constant(Tensor.Floats([groups], new float[groups])));
        return builder.Node("InstanceNormalization", [x.Reshape(x.Dims[0], groups, -1), scale, bias], Attribute.Float("epsilon", 1e-5f)).Reshape(x.Dims);
    }

    /// <summary>Compares outputs and all gradients, and gives the operators of the graph with kernels.</summary>
    private static string[] Check(Func<GraphBuilder, Expr> build, string[] expectedOperators, params (string Name, long[] Dims)[] inputs)
    {
        var random = new Random(1);
        var feeds = inputs.ToDictionary(input => input.Name, input => OneNode.Random(random, input.Dims));
        var (plain, standard) = Run(build, feeds, useKernels: false);
        var (fused, operators) = Run(build, feeds, useKernels: true);

        Assert.DoesNotContain(CustomOperator.Domain, standard);
        Assert.IsEmpty(expectedOperators.Except(operators));
        Assert.AreEqual(expectedOperators.Contains("GroupNormSilu"), !operators.Contains("InstanceNormalization") && !operators.Contains("GroupNormalization") && operators.Contains("GroupNormSilu"));
        Assert.HasCount(inputs.Length + 2, fused);
        foreach (var (name, expected) in plain)
        {
            OneNode.AssertClose(Array.ConvertAll(expected.AsSpan<float>().ToArray(), number => (double)number), fused[name], 1e-5, name, smallest: 1e-6);
        }

        return operators;
    }

    /// <summary>The results, and the operators and domains of the graph.</summary>
    private static (IReadOnlyDictionary<string, NdArray> Results, string[] Operators) Run(Func<GraphBuilder, Expr> build, Dictionary<string, NdArray> feeds, bool useKernels)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        foreach (var (name, array) in feeds)
        {
            builder.Input(name, DataType.Float, array.Dims);
        }

        // Weights of its own for each element of the output, so that every gradient shows.
        var y = build(builder);
        var weights = OneNode.Random(new Random(2), y.Dims);
        builder.AddOutput("y", y);
        builder.AddOutput("loss", (y * builder.Constant(Tensor.Floats(y.Dims, weights.AsSpan<float>().ToArray()))).Sum());
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(model, "loss", [.. feeds.Keys], new GradientOptions { UseKernels = useKernels });
        return (function.Run(feeds), [.. model.Graph.Nodes.SelectMany(node => (string[])[node.OpType, node.Domain]).Distinct()]);
    }

    private static Expr Rounded(GraphBuilder builder, Expr scale, DataType type, int zeroPoint)
    {
        var zero = builder.Constant(type == DataType.UInt8 ? Tensor.Create<byte>(type, [], [(byte)zeroPoint]) : Tensor.Create<sbyte>(type, [], [(sbyte)zeroPoint]));
        return builder.Node("DequantizeLinear", [builder.Node("QuantizeLinear", [builder.Of("x"), scale, zero]), scale, zero]);
    }
}
