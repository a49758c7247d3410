using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Expressions;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Differentiation.Rules;

/// <summary>What lies between the rules: how gradients of several nodes come together, and what is said when there are none.</summary>
[TestClass]
public sealed class FormulaTests
{
    private const double Step = 1e-5;

    [TestMethod]
    public void A_value_used_several_times_collects_all_its_gradients() => Check(x => (x * x * x) + x.Sin() + (2 * x) + x.Tanh().Square(), 3, 2);

    [TestMethod]
    public void A_value_given_twice_to_one_node_counts_twice() =>
        Check(x => x.MatMul(x) + x.Builder.Concat(0, x, x).Slice(0, 1, 4) + x.Max(x), 3, 3);

    [TestMethod]
    public void Inputs_of_a_decomposed_operator_may_depend_on_each_other() => Check(x =>
    {
        var keys = x.Tanh();
        return x.Builder.Node("Attention", [x, keys, keys * x]);
    }, 1, 2, 3, 2);

    [TestMethod]
    public void Broadcasting_and_scalars_are_summed_back() => Check(x =>
    {
        var scalar = x.Slice([0, 1], [0, 0], [1, 1], [1, 1]).Reshape([]);
        return (scalar * x) + (x.Sum([0], keepDims: true) / (x.Sum([1], keepDims: true) + 9)) - scalar.Exp();
    }, 2, 3);

    [TestMethod]
    public void Outputs_left_out_of_the_loss_count_as_zero() => Check(x =>
    {
        var parts = x.Builder.Nodes("Split", "", 3, [x], Attribute.Int("axis", 1), Attribute.Int("num_outputs", 3));
        return parts[0].Square() * parts[2].Sum();
    }, 2, 6);

    [TestMethod]
    public void An_output_that_others_take_too_keeps_its_own_gradient()
    {
        var (model, builder, x) = Begin(2, 2);
        var inner = x.Square();
        var outer = inner.Exp();
        var gradient = Differentiator.Gradients([(inner, builder.Full(3, DataType.Double, 2, 2)), (outer, builder.Full(1, DataType.Double, 2, 2))], [x, inner]);
        builder.AddOutput("dx", gradient[0]);
        builder.AddOutput("dinner", gradient[1]);
        double[] at = [0.1, -0.5, 1.2, 0.7];
        var results = Run(model, at, 2, 2);
        Same(at.Select(v => 3 + Math.Exp(v * v)), results["dinner"]);
        Same(at.Select(v => 2 * v * (3 + Math.Exp(v * v))), results["dx"]);
    }

    [TestMethod]
    public void Nothing_flows_through_a_stop_and_everything_straight_through()
    {
        var (model, builder, x) = Begin(4);
        builder.AddOutput("stopped", Differentiator.Gradients((x.StopGradient() * x).Sum(), [x])[0]);
        builder.AddOutput("straight", Differentiator.Gradients((x.StraightThrough(x.Round()) * x).Sum(), [x])[0]);
        builder.AddOutput("fake", Differentiator.Gradients(x.FakeQuantize(x.Number(0.5), x.Number(0), -1, 1).Sum(), [x])[0]);
        builder.AddOutput("none", Differentiator.Gradients(x.StopGradient().Sum(), [x])[0]);
        double[] at = [0.3, -0.2, 0.9, -1.7];
        var results = Run(model, at, 4);
        Same(at, results["stopped"]);
        Same(at.Select(v => v + Math.Round(v)), results["straight"]);
        // Levels from -1 to 1, half apart: what lies beyond +-0.5 is clamped.
        Same([1, 1, 0, 0], results["fake"]);
        Same([0, 0, 0, 0], results["none"]);
    }

    [TestMethod]
    public void Dropout_passes_the_gradient_where_its_mask_keeps()
    {
        var (model, builder, x) = Begin(50);
        var outputs = builder.Nodes("Dropout", "", 2, [x, builder.Scalar(0.4), builder.Constant(Tensor.Create<bool>(DataType.Bool, [], [true]))]);
        builder.AddOutput("mask", outputs[1].Cast(DataType.Double));
        builder.AddOutput("dx", Differentiator.Gradients(outputs[0].Sum(), [x])[0]);
        var results = Run(model, new double[50], 50);
        Assert.IsTrue(results["mask"].Contains(0.0) && results["mask"].Contains(1.0));
        Same(results["mask"].Select(kept => kept / 0.6), results["dx"], 1e-6);
    }

    [TestMethod]
    public void Functions_and_branches_of_known_conditions_are_differentiated()
    {
        using var model = NewModel(out var x, 3);
        var function = new Function("local", "cube");
        function.OpsetImports[""] = model.Opset;
        function.Body.AddInput(new Value("a"));
        var a = function.Body.Inputs[0];
        function.Body.Outputs.Add(function.Body.AddNode(null, "Mul", "c", [function.Body.AddNode(null, "Mul", "b", [a, a]), a]));
        model.Functions.Add(function);
        model.OpsetImports["local"] = 1;
        var (then, otherwise) = (new Graph(), new Graph());
        then.Outputs.Add(then.AddNode(null, "cube", "t", [x], domain: "local"));
        otherwise.Outputs.Add(otherwise.AddNode(null, "Neg", "e", [x]));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "If", "y", [model.Graph.AddInitializer("condition", Tensor.Create<bool>(DataType.Bool, [], [true]))], attributes:
            [new Attribute("then_branch", AttributeKind.Graph, then), new Attribute("else_branch", AttributeKind.Graph, otherwise)]));

        var graph = TrainingGraph.Create(model, trainable: []);
        graph.Builder.AddOutput("dx", Differentiator.Gradients(graph.Builder.Of("y").Sum(), [graph.Builder.Of("x")])[0]);

        Same([3 * 0.25, 3 * 4, 3], Run(model, [0.5, 2, -1], 3)["dx"]);
    }

    [TestMethod]
    public void An_operator_without_a_gradient_is_named_when_it_is_on_the_way_and_ignored_otherwise()
    {
        using var model = NewModel(out var x, 2, 2);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Inverse", "inverse", [x], domain: "com.microsoft"));
        var builder = TrainingGraph.Create(model, trainable: []).Builder;
        var value = builder.Of("x");
        var error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(builder.Of("inverse").Sum(), [value]));
        Assert.AreEqual("CMP7001", error.Code.Id);
        Assert.Contains("operator com.microsoft.Inverse of node 'inverse'", error.Message);
        Differentiator.Gradients((builder.Of("inverse").StopGradient() * value).Sum(), [value]);
    }

    [TestMethod]
    public void An_output_that_the_rule_does_not_know_is_an_error()
    {
        var (_, builder, x) = Begin(2, 3);
        var outputs = builder.Nodes("LayerNormalization", "", 2, [x, builder.Full(1, DataType.Double, 3)]);
        outputs[0].Value.Producer!.Name = "norm";
        var error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(outputs[0].Sum() + outputs[1].Cast(DataType.Double).Sum(), [x]));
        Assert.AreEqual("CMP7001", error.Code.Id);
        Assert.Contains("node 'norm' (LayerNormalization)", error.Message);
        Assert.Contains("output 1", error.Message);
    }

    [TestMethod]
    public void A_control_flow_node_that_remains_is_named()
    {
        using var model = NewModel(out var x, 2);
        var condition = new Value("condition", new TensorType(DataType.Bool, Shape.Scalar));
        model.Graph.AddInput(condition);
        var (then, otherwise) = (new Graph(), new Graph());
        then.Outputs.Add(then.AddNode(null, "ReduceSum", "t", [x]));
        otherwise.Outputs.Add(otherwise.AddNode(null, "Neg", "e", [x]));
        var parameter = model.Graph.AddInitializer("w", Tensor.Create<double>(DataType.Double, [2], [1, 2]));
        var chosen = model.Graph.AddNode(null, "If", "chosen", [condition], attributes:
            [new Attribute("then_branch", AttributeKind.Graph, then), new Attribute("else_branch", AttributeKind.Graph, otherwise)]);
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Mul", "y", [chosen, parameter]));
        var graph = TrainingGraph.Create(model);
        var loss = graph.Builder.Of("y").Sum();
        Differentiator.Gradients(loss, [graph.Builder.Of("w")]);
        var error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(loss, [graph.Builder.Of("x")]));
        Assert.Contains("operator If of node 'chosen'", error.Message);
    }

    [TestMethod]
    public void Shapes_that_are_not_numbers_are_an_error()
    {
        using var model = NewModel(out var x, 4);
        var one = model.Graph.AddInitializer("one", Tensor.Create<double>(DataType.Double, [], [1]));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Compress", "some", [x, model.Graph.AddNode(null, "Greater", "large", [x, one])]));
        var builder = TrainingGraph.Create(model, trainable: []).Builder;
        var error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(builder.Of("some").Sum([0]), [builder.Of("x")]));
        Assert.AreEqual("CMP7002", error.Code.Id);
        Assert.Contains("the shape of 'some'", error.Message);
        Assert.Contains("lost at the operator Compress of node 'some'", error.Message);

        using var symbolic = NewModel(out var batch, 4);
        batch.Type = new TensorType(DataType.Double, new Shape([new Dim("batch")]));
        symbolic.Graph.Outputs.Add(symbolic.Graph.AddNode(null, "Neg", "y", [batch]));
        Assert.AreEqual("CMP7002", Assert.ThrowsExactly<CompressToolException>(() => TrainingGraph.Create(symbolic)).Code.Id);
    }

    [TestMethod]
    public void Requests_that_make_no_sense_are_errors()
    {
        var (_, builder, x) = Begin(2, 3);
        var error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(x.Square(), [x]));
        Assert.AreEqual("CMP7003", error.Code.Id);
        Assert.Contains("[2,3]", error.Message);
        error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients([(x, builder.Full(1, DataType.Double, 3, 2))], [x]));
        Assert.Contains("[3,2], not [2,3]", error.Message);
        error = Assert.ThrowsExactly<CompressToolException>(() => Differentiator.Gradients(x.Sum(), [builder.Int64s(1, 2)]));
        Assert.Contains("only floating-point values have gradients", error.Message);
        Assert.AreEqual("CMP7003", Assert.ThrowsExactly<CompressToolException>(() => builder.Of("nothing")).Code.Id);
    }

    /// <summary>The gradient of the sum of a formula, weighted element by element, against central differences.</summary>
    private static void Check(Func<Expr, Expr> formula, params long[] dims)
    {
        var (model, builder, x) = Begin(dims);
        var y = formula(x);
        var weights = builder.Constant(Numbers.Create(DataType.Double, y.Dims, [.. Enumerable.Range(0, (int)y.Count).Select(index => Math.Cos(index + 1))]));
        var loss = (y * weights).Sum();
        builder.AddOutput("loss", loss);
        builder.AddOutput("dx", Differentiator.Gradients(loss, [x])[0]);
        double[] at = [.. Enumerable.Range(0, (int)x.Count).Select(index => Math.Sin((3 * index) + 1))];
        using var function = Compile(model);
        var actual = Run(function, at, dims)["dx"];
        var expected = at.Select((value, index) =>
        {
            double At(double moved) => Run(function, [.. at[..index], moved, .. at[(index + 1)..]], dims)["loss"][0];
            return (At(value + Step) - At(value - Step)) / (2 * Step);
        });
        Same(expected, actual, 1e-7);
    }

    private static (Model Model, GraphBuilder Builder, Expr X) Begin(params long[] dims)
    {
        var model = NewModel(out var x, dims);
        var builder = new GraphBuilder(model);
        return (model, builder, builder.Of(x));
    }

    private static Model NewModel(out Value x, params long[] dims)
    {
        var model = new Model { IrVersion = 10 };
        model.Graph.Name = "formula";
        model.OpsetImports[""] = 23;
        x = new Value("x", new TensorType(DataType.Double, Shape.Of(dims)));
        model.Graph.AddInput(x);
        return model;
    }

    private static ICompiledFunction Compile(Model model)
    {
        model.Graph.RemoveUnused();
        return new OnnxRuntimeEngine().Compile(model, new EngineOptions { Threads = 1 });
    }

    private static Dictionary<string, double[]> Run(Model model, double[] x, params long[] dims)
    {
        using var function = Compile(model);
        return Run(function, x, dims);
    }

    private static Dictionary<string, double[]> Run(ICompiledFunction function, double[] x, params long[] dims) =>
        function.Run(new Dictionary<string, NdArray> { ["x"] = NdArray.Create(x, dims) }).ToDictionary(pair => pair.Key, pair => pair.Value.AsSpan<double>().ToArray());

    private static void Same(IEnumerable<double> expected, double[] actual, double tolerance = 1e-12)
    {
        var numbers = expected.ToArray();
        Assert.HasCount(numbers.Length, actual);
        foreach (var (index, number) in numbers.Index())
        {
            Assert.AreEqual(number, actual[index], tolerance * Math.Max(1, Math.Abs(number)), $"element {index}");
        }
    }
}
