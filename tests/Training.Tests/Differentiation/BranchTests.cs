using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Differentiation;

/// <summary>Branches that a value of the run chooses, against central differences.</summary>
[TestClass]
public sealed class BranchTests
{
    private static readonly double[] s_x = [0.3, -0.7, 1.2, 0.8, -1.4, 2.1], s_w = [0.5, 1.5, -0.25, 0.75, -2, 1];

    [TestMethod]
    [DataRow("simple", true)]
    [DataRow("simple", false)]
    [DataRow("two outputs", true)]
    [DataRow("two outputs", false)]
    [DataRow("nested", true)]
    [DataRow("nested", false)]
    [DataRow("vector condition", true)]
    [DataRow("handed through", false)]
    public void Gradients_are_those_of_the_branch_that_is_taken(string form, bool condition)
    {
        var function = Compile(form);
        var (dx, dw) = (Run(function, s_x, s_w, condition)["dx"], Run(function, s_x, s_w, condition)["dw"]);
        for (var index = 0; index < s_x.Length; index++)
        {
            Assert.AreEqual(Difference(s_x, index, x => Run(function, x, s_w, condition)["y"][0]), dx[index], 1e-7, $"x[{index}]");
            Assert.AreEqual(Difference(s_w, index, w => Run(function, s_x, w, condition)["y"][0]), dw[index], 1e-7, $"w[{index}]");
        }

        function.Dispose();
    }

    [TestMethod]
    public void A_branch_that_is_not_taken_brings_nothing_infinite()
    {
        // The first branch divides by x, of which one is zero.
        using var function = Compile("quotient");
        double[] x = [0, 1, 2, 3, 4, 5];
        var outputs = Run(function, x, s_w, false);
        CollectionAssert.AreEqual(s_w.Select(w => -w).ToArray(), outputs["dx"]);
        CollectionAssert.AreEqual(x.Select(value => -value).ToArray(), outputs["dw"]);
        Assert.IsFalse(double.IsFinite(Run(function, x, s_w, true)["dx"][0]));
    }

    private static double Difference(double[] at, int index, Func<double[], double> function)
    {
        const double step = 1e-5;
        double Moved(double by)
        {
            var moved = at.ToArray();
            moved[index] += by;
            return function(moved);
        }

        return (Moved(step) - Moved(-step)) / (2 * step);
    }

    /// <summary>y = sum of what is chosen, with its gradients.</summary>
    private static ICompiledFunction Compile(string form)
    {
        using var model = new Model { IrVersion = 10 };
        model.OpsetImports[""] = 17;
        var graph = model.Graph;
        Value Input(string name, DataType type, params long[] dims)
        {
            var value = new Value(name, new TensorType(type, Shape.Of(dims)));
            graph.AddInput(value);
            return value;
        }

        var (x, w) = (Input("x", DataType.Double, 6), Input("w", DataType.Double, 6));
        var condition = form == "vector condition" ? Input("condition", DataType.Bool, 1) : Input("condition", DataType.Bool);
        var (then, otherwise) = (new Graph(), new Graph());
        Value[] chosen = [new("chosen")];
        switch (form)
        {
            case "two outputs":
                chosen = [new("chosen"), new("other")];
                then.Outputs.AddRange([then.AddNode(null, "Sin", "t", [x]), then.AddNode(null, "Mul", "u", [x, w])]);
                otherwise.Outputs.AddRange([otherwise.AddNode(null, "Mul", "e", [w, w]), otherwise.AddNode(null, "Exp", "f", [x])]);
                break;
            case "nested":
                var (inner, second) = (new Graph(), new Graph());
                inner.Outputs.Add(inner.AddNode(null, "Mul", "i", [x, x]));
                second.Outputs.Add(second.AddNode(null, "Cos", "s", [x]));
                var opposite = then.AddNode(null, "Not", "opposite", [condition]);
                then.Outputs.Add(then.AddNode(null, "Mul", "t", [then.AddNode(null, "If", "inner", [opposite], null, "", Branch("then_branch", inner), Branch("else_branch", second)), w]));
                otherwise.Outputs.Add(otherwise.AddNode(null, "Sub", "e", [x, w]));
                break;
            case "handed through":
                then.Outputs.Add(then.AddNode(null, "Mul", "t", [x, w]));
                otherwise.Outputs.Add(x);
                break;
            case "quotient":
                then.Outputs.Add(then.AddNode(null, "Div", "t", [w, x]));
                otherwise.Outputs.Add(otherwise.AddNode(null, "Neg", "e", [otherwise.AddNode(null, "Mul", "p", [x, w])]));
                break;
            default:
                then.Outputs.Add(then.AddNode(null, "Sin", "t", [then.AddNode(null, "Mul", "p", [x, w])]));
                otherwise.Outputs.Add(otherwise.AddNode(null, "Mul", "e", [otherwise.AddNode(null, "Exp", "q", [x]), w]));
                break;
        }

        graph.Add(new Node("If", [condition], chosen, "chosen", "", [Branch("then_branch", then), Branch("else_branch", otherwise)]));
        graph.Outputs.AddRange(chosen);
        var training = TrainingGraph.Create(model, trainable: []);
        var builder = training.Builder;
        var y = graph.Outputs.Select(output => builder.Of(output).Square().Sum()).Aggregate((a, b) => a + b);
        if (form == "quotient")
        {
            y = builder.Of(graph.Outputs[0]).Sum();
        }

        var gradients = Differentiator.Gradients(y, [builder.Of("x"), builder.Of("w")]);
        foreach (var output in chosen)
        {
            graph.Outputs.Remove(output);
        }

        builder.AddOutput("y", y.Reshape(1));
        builder.AddOutput("dx", gradients[0]);
        builder.AddOutput("dw", gradients[1]);
        return new OnnxRuntimeEngine().Compile(model);
    }

    private static Attribute Branch(string name, Graph graph) => new(name, AttributeKind.Graph, graph);

    private static Dictionary<string, double[]> Run(ICompiledFunction function, double[] x, double[] w, bool condition) =>
        function.Run(new Dictionary<string, NdArray>
        {
            ["x"] = NdArray.Create(x, 6),
            ["w"] = NdArray.Create(w, 6),
            ["condition"] = NdArray.Create([condition], [.. function.Inputs.Single(input => input.Name == "condition").Type.Shape!.ToArray()!]),
        }).ToDictionary(pair => pair.Key, pair => pair.Value.AsSpan<double>().ToArray());
}
