using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization.Float16;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>What must stay in float32, found by running the model; the proof is the model in emulated float16 arithmetic.</summary>
[TestClass]
public sealed class OverflowSearchTests : IDisposable
{
    private readonly Model _model = new();

    public OverflowSearchTests() => _model.OpsetImports[""] = 17;

    public void Dispose() => _model.Dispose();

    private Graph Graph => _model.Graph;

    public required TestContext TestContext { get; init; }

    /// <summary>As in T5: the feed-forward part passes 65504, and a normalisation brings it back.</summary>
    [TestMethod]
    public void A_model_that_overflows_works_with_what_was_found()
    {
        var x = Input(4, 16);
        var wide = Node("MatMul", "up", Node("Relu", "relu", Node("MatMul", "in", x, Weight("w1", 1, 16, 32))), Weight("w2", 8000, 32, 32));
        var scale = Node("ReduceMax", "max", [Node("Abs", "abs", wide)], Attribute.Ints("axes", -1), Attribute.Int("keepdims", 1));
        Output(Node("MatMul", "out", Node("Div", "div", wide, scale), Weight("w3", 1, 32, 8)));
        var before = Run();

        var findings = Search();

        foreach (var finding in findings)
        {
            TestContext.WriteLine(finding.ToJson().ToJsonString());
        }

        Assert.IsTrue(findings.All(finding => finding.Reason == OverflowReason.Range && finding.Largest > 32752));
        CollectionAssert.AreEquivalent(new[] { "up", "abs", "max" }, findings.Select(finding => finding.Value.Name).ToArray());
        AssertKept(findings, "up", "abs", "max", "div");
        Assert.IsFalse(Snr(before, []) > 20, "without the list it fails");
        Assert.IsGreaterThan(50, Snr(before, findings));
    }

    [TestMethod]
    public void What_is_too_small_for_float16_is_found()
    {
        // The variance of small numbers, as of a layer normalisation that was taken apart.
        var x = Input(4, 16);
        var small = Node("Mul", "small", x, Constant("factor", 1e-4f));
        var variance = Node("ReduceMean", "variance", [Node("Mul", "square", small, small)], Attribute.Ints("axes", -1), Attribute.Int("keepdims", 1));
        Output(Node("Div", "div", small, Node("Sqrt", "sqrt", variance)));
        var before = Run();

        var findings = Search();

        CollectionAssert.IsSubsetOf(new[] { "square", "variance" }, findings.Where(finding => finding.Reason == OverflowReason.Underflow).Select(finding => finding.Value.Name).ToArray());
        Assert.IsLessThan(30, Snr(before, []));
        Assert.IsGreaterThan(50, Snr(before, findings));
    }

    [TestMethod]
    public void A_difference_of_nearly_the_same_takes_its_operands_in_float32()
    {
        var x = Input(4, 16);
        var high = Node("Add", "high", x, Constant("offset", 1000));
        var mean = Node("ReduceMean", "mean", [high], Attribute.Ints("axes", -1), Attribute.Int("keepdims", 1));
        Output(Node("MatMul", "out", Node("Sub", "difference", high, mean), Weight("w", 1, 16, 8)));
        var before = Run();

        var findings = Search();

        Assert.AreEqual((OverflowReason.Sensitive, "difference"), (findings.Single().Reason, findings.Single().Value.Name));
        AssertKept(findings, "difference", "high", "mean");
        Assert.IsLessThan(20, Snr(before, []));
        Assert.IsGreaterThan(50, Snr(before, findings));
        Assert.IsEmpty(Search(new OverflowLimits { LeastDb = null }));
    }

    [TestMethod]
    [DataRow(float.NegativeInfinity, false)]
    [DataRow(float.MinValue, false)]
    [DataRow(-1e9f, false)]
    [DataRow(-1e6f, true)]
    [DataRow(1e9f, true)]
    public void Masks_are_no_overflow(float number, bool isFound)
    {
        var masked = Node("Add", "masked", Input(4, 16), Graph.AddInitializer("mask", Tensor.Floats([16], [.. Enumerable.Range(0, 16).Select(index => index < 8 ? 0 : number)])));
        Output(Node("Softmax", "softmax", masked));
        var findings = Search();
        AssertKept(findings, isFound ? ["masked", "softmax"] : []);
        Assert.IsTrue(isFound || Snr(Run(), []) > 50);
    }

    [TestMethod]
    public void Only_what_would_be_float16_is_looked_at_and_the_model_stays_as_it_was()
    {
        var x = Input(4, 16);
        Output(Node("MatMul", "out", Node("Mul", "big", x, Constant("factor", 1e6f)), Weight("w", 1, 16, 8)));
        var before = _model.ToBytes();
        var names = new LayerSelector { Exclude = ["out", "op:Mul"] };
        Assert.IsEmpty(Search(selector: names));
        var findings = Search(selector: new LayerSelector { Exclude = ["op:Mul"] });
        AssertKept(findings, "out");
        CollectionAssert.AreEqual(before, _model.ToBytes());
        var report = findings.Single(finding => finding.Value.Name == "big").ToJson();
        Assert.AreEqual("range", (string)report["reason"]!);
        Assert.AreEqual("out", (string)report["nodes"]![0]!);
    }

    [TestMethod]
    public void The_quantizer_keeps_and_reports_what_was_found()
    {
        var big = Node("MatMul", "out", Node("Mul", "big", Input(4, 16), Constant("factor", 1e6f)), Weight("w", 1, 16, 8));
        Output(Node("MatMul", "last", Node("Mul", "small", big, Constant("inverse", 1e-6f)), Weight("v", 1, 8, 8)));
        var metrics = PrecisionQuantizer.Run(_model, new LayerSelector(), ShortFloat.Float16, keepIoTypes: true, new StageContext(), [Feeds(), Feeds()]);
        Assert.AreEqual("""{"MatMul":1,"Mul":2}""", metrics["float32Nodes"]!.ToJsonString());
        CollectionAssert.AreEquivalent(new[] { "big", "out" }, metrics["keptByMeasurement"]!.AsArray().Select(finding => (string)finding!["value"]!).ToArray());
    }

    [TestMethod]
    public void All_runs_count()
    {
        var x = Input(4, 16);
        Output(Node("Neg", "y1", Node("Relu", "relu", x)));
        var normal = Feeds();
        var high = new Dictionary<string, NdArray> { ["x"] = NdArray.Create([.. Enumerable.Repeat(1e5f, 64)], 4, 16) };
        Assert.IsEmpty(Search(feeds: [normal]));
        Assert.AreEqual(1e5f, Search(feeds: [normal, high, normal])[0].Largest);
    }

    /// <summary>Healthy models lose almost nothing to the search, and are no worse with it.</summary>
    [TestMethod]
    [DynamicData(nameof(Healthy))]
    public void Healthy_models_stay_in_float16(ClassicModel classic)
    {
        using var model = classic.Build();
        var feeds = classic.Inputs(model).ToDictionary(input => input.Key, input => NdArray.From(input.Value));
        var plan = Plan(model);
        var findings = OverflowSearch.Run(model, plan, [feeds]);
        foreach (var finding in findings)
        {
            TestContext.WriteLine(finding.ToJson().ToJsonString());
        }

        Assert.IsLessThan(0.1 * model.Graph.Nodes.Count, findings.SelectMany(finding => finding.Nodes).Distinct().Count());
        Assert.IsFalse(findings.Any(finding => finding.Reason == OverflowReason.Range));
    }

    public static IEnumerable<object[]> Healthy => ClassicModels.Architectures.Select(model => new object[] { model });

    private static void AssertKept(IReadOnlyList<OverflowFinding> findings, params string[] names) =>
        CollectionAssert.AreEquivalent(names, findings.SelectMany(finding => finding.Nodes).Select(node => node.Name).Distinct().ToArray());

    private static PrecisionPlan Plan(Model model, LayerSelector? selector = null, IEnumerable<OverflowFinding>? findings = null) => new(
        model, ShapeInference.Analyze(model), NodeSelection.Select(model.Graph, selector ?? new LayerSelector()), ShortFloat.Float16, findings?.SelectMany(finding => finding.Nodes).ToHashSet());

    private IReadOnlyList<OverflowFinding> Search(OverflowLimits? limits = null, LayerSelector? selector = null, IReadOnlyDictionary<string, NdArray>[]? feeds = null) =>
        OverflowSearch.Run(_model, Plan(_model, selector), feeds ?? [Feeds()], limits);

    /// <summary>The model in float16 arithmetic, but for what was found, against float32.</summary>
    private double Snr(Tensor before, IReadOnlyList<OverflowFinding> findings)
    {
        using var copy = Model.Parse(_model.ToBytes());
        var kept = findings.SelectMany(finding => finding.Nodes).Select(node => node.Name).ToHashSet();
        var plan = new PrecisionPlan(copy, ShapeInference.Analyze(copy), [.. copy.Graph.Nodes], ShortFloat.Float16, copy.Graph.Nodes.Where(node => kept.Contains(node.Name)).ToHashSet());
        new PrecisionConverter(copy, plan, keepIoTypes: true).Run();
        HalfArithmetic.Emulate(copy);
        var after = ModelRunner.Run(copy.ToBytes(), Feeds().ToDictionary(feed => feed.Key, feed => feed.Value.ToTensor()), Runtime.GraphOptimizationLevel.DisableAll).Values.Single();
        var snr = ModelRunner.SnrDb(before, after);
        TestContext.WriteLine($"{kept.Count} nodes in float32: {snr:F1} dB");
        return snr;
    }

    private Tensor Run() => ModelRunner.Run(_model.ToBytes(), Feeds().ToDictionary(feed => feed.Key, feed => feed.Value.ToTensor())).Values.Single();

    private Dictionary<string, NdArray> Feeds() => new() { ["x"] = NdArray.From(RandomTensors.Normal("x", 0, 1, [.. Graph.Inputs[0].Shape!.Select(dim => dim.Value!.Value)])) };

    private Value Input(params long[] dims)
    {
        var value = new Value("x", new TensorType(DataType.Float, Shape.Of(dims)));
        Graph.AddInput(value);
        return value;
    }

    private Value Weight(string name, double deviation, params long[] dims) => Graph.AddInitializer(name, RandomTensors.Normal(name, 0, deviation, dims));

    private Value Constant(string name, float number) => Graph.AddInitializer(name, Tensor.Float(number));

    private Value Node(string op, string name, params Value?[] inputs) => Node(op, name, inputs, []);

    private Value Node(string op, string name, Value?[] inputs, params Attribute[] attributes) => Graph.AddNode(null, op, name, inputs, null, "", attributes);

    private void Output(Value value)
    {
        value.Type = new TensorType(DataType.Float, null);
        Graph.Outputs.Add(value);
    }
}
