using CompressTool.Compression.Tests.Quantization;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;
using CompressTool.Onnx.Inference;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Models;

/// <summary>The models that other tests rely on are what they say.</summary>
[TestClass]
public sealed class ClassicModelsTests
{
    public static IEnumerable<object[]> All => ClassicModels.All.Select(model => new object[] { model });

    /// <summary>Forms that must compute the same, each with the first of its architecture.</summary>
    public static IEnumerable<object[]> Forms => ClassicModels.All.GroupBy(model => model.Name.Split('/')[0])
        .SelectMany(group => group.Skip(1).Select(model => new object[] { group.First(), model }));

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Model_is_valid_and_all_shapes_follow(ClassicModel classic)
    {
        using var model = Model.Parse(classic.Build().ToBytes());
        Assert.IsTrue(model.Graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(value => !value.IsGraphOutput).All(value => value.Type is null), "the exporter declares no types inside");

        var result = ShapeInference.Analyze(model);

        Assert.IsEmpty(result.Incomplete);
        var open = model.Graph.Values().SelectMany(value => result.TypeOf(value)!.Shape!.Where(dim => dim.Value is null)).ToArray();
        Assert.AreEqual(classic.IsDynamic, open.Length > 0);
        Assert.IsFalse(Array.Exists(open, dim => dim.Symbol!.Contains("_dim", StringComparison.Ordinal)), "every open size is an expression of the batch and the length");
        Assert.IsTrue(model.Graph.Initializers.All(value => value.Uses.Count > 0));
    }

    [TestMethod]
    [DynamicData(nameof(All))]
    public void Model_computes_something_of_its_inputs(ClassicModel classic)
    {
        using var model = classic.Build();

        var output = Run(model, classic.Inputs(model));

        var numbers = output.ToFloats();
        var mean = numbers.Average();
        var deviation = Math.Sqrt(numbers.Average(x => (x - mean) * (x - mean)));
        Assert.IsTrue(Array.TrueForAll(numbers, float.IsFinite));
        Assert.IsInRange(0.1, 10, deviation);
        Assert.IsInRange(-5, 5, mean);
        Assert.IsGreaterThan(0.05, Distance(numbers, Run(model, classic.Inputs(model, seed: 1)).ToFloats()));
        if (classic.IsDynamic)
        {
            // No sample knows of the others, and random inputs of a larger batch begin with those of the smaller one.
            var larger = Run(model, classic.Inputs(model, batch: 3));
            Assert.AreEqual(3, larger.Dims[0]);
            AssertClose(numbers, larger.ToFloats()[..numbers.Length]);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Forms))]
    public void Forms_of_a_model_compute_the_same(ClassicModel first, ClassicModel second)
    {
        using var expected = first.Build();
        using var actual = second.Build();
        var inputs = first.Inputs(expected, batch: 1);

        AssertClose(Run(expected, inputs).ToFloats(), Run(actual, inputs).ToFloats());

        var (cost, same) = (ModelCost.Measure(expected), ModelCost.Measure(actual, Lengths(actual)));
        Assert.AreEqual(cost.Macs, same.Macs);
        Assert.AreEqual(cost.MacsWithAttention, same.MacsWithAttention);
        Assert.AreNotEqual(
            string.Join(',', expected.Graph.Nodes.Select(node => node.OpType)) + expected.Graph.Inputs[0].Type,
            string.Join(',', actual.Graph.Nodes.Select(node => node.OpType)) + actual.Graph.Inputs[0].Type);
    }

    [TestMethod]
    public void Same_model_comes_out_twice() =>
        CollectionAssert.AreEqual(ClassicModels.Get("resnet/static").Build().ToBytes(), ClassicModels.Get("resnet/static").Build().ToBytes());

    [TestMethod]
    public void Cost_of_a_bottleneck_resnet_is_that_of_its_layers()
    {
        // Positions times weights of each layer; a bottleneck is 1x1, 3x3, 1x1 and, at first, the shortcut.
        const long Stem = 16 * 16 * (3 * 49 * 16);
        const long Stage1 = 8 * 8 * ((16 * 8) + (8 * 8 * 9) + (8 * 32) + (16 * 32) + (32 * 8) + (8 * 8 * 9) + (8 * 32));
        const long Stage2 = (8 * 8 * 32 * 16) + (4 * 4 * ((16 * 16 * 9) + (16 * 64) + (32 * 64) + (64 * 16) + (16 * 16 * 9) + (16 * 64)));

        AssertCost("resnet", Stem + Stage1 + Stage2 + (64 * 10), 0);
    }

    [TestMethod]
    public void Cost_of_a_vision_transformer_is_that_of_its_layers()
    {
        const long Places = 17;
        const long Block = Places * 48 * ((3 * 48) + 48 + (2 * 4 * 48));

        AssertCost("vit", (16 * 3 * 64 * 48) + (3 * Block) + (48 * 10), 3 * 2 * Places * Places * 48);
    }

    [TestMethod]
    [DataRow("llama")]
    [DataRow("llama-tied")]
    [DataRow("gpt2")]
    public void Decoders_do_not_look_ahead(string architecture)
    {
        foreach (var classic in ClassicModels.All.Where(model => model.Name.StartsWith(architecture + "/", StringComparison.Ordinal) && model.IsDynamic))
        {
            using var model = classic.Build();
            var part = Run(model, classic.Inputs(model, batch: 1, sequence: 5)).ToFloats();
            var whole = Run(model, classic.Inputs(model, batch: 1, sequence: 9)).ToFloats();

            AssertClose(part, whole[..part.Length]);
        }
    }

    [TestMethod]
    public void Names_are_those_of_the_exporter()
    {
        using var resnet = ClassicModels.Get("resnet/static").Build();
        using var norms = ClassicModels.Get("resnet/batchnorm-static").Build();
        using var vit = ClassicModels.Get("vit/dynamic").Build();

        var conv = norms.Graph.Nodes.Single(node => node.Name == "/layer1/layer1.0/conv1/Conv");
        Assert.AreEqual("layer1.0.conv1.weight", conv.Inputs[1]!.Name);
        Assert.AreEqual("/layer1/layer1.0/conv1/Conv_output_0", conv.Outputs[0]!.Name);
        Assert.AreEqual("/layer1/layer1.0/downsample/downsample.0/Conv", norms.Graph.Nodes.Single(node => node.Input(1)?.Name == "layer1.0.downsample.0.weight").Name);
        StringAssert.StartsWith(resnet.Graph.Nodes.Single(node => node.Name == "/layer1/layer1.0/conv1/Conv").Inputs[1]!.Name, "onnx::Conv_");
        Assert.IsFalse(resnet.Graph.Nodes.Any(node => node.OpType == "BatchNormalization"));
        var qkv = vit.Graph.Nodes.Single(node => node.Name == "/blocks/blocks.1/attn/qkv/MatMul");
        StringAssert.StartsWith(qkv.Inputs[1]!.Name, "onnx::MatMul_");
        Assert.AreEqual("blocks.1.attn.qkv.bias", qkv.Outputs[0]!.Uses.Single().Node.Inputs[0]!.Name);
    }

    private static void AssertCost(string architecture, long macs, long attention)
    {
        foreach (var classic in ClassicModels.All.Where(model => model.Name.StartsWith(architecture + "/", StringComparison.Ordinal)))
        {
            using var model = classic.Build();
            var cost = ModelCost.Measure(model);
            Assert.AreEqual(macs, cost.Macs, classic.Name);
            Assert.AreEqual(macs + attention, cost.MacsWithAttention, classic.Name);
        }
    }

    /// <summary>A batch of 1, and the length that sequences have in the static forms.</summary>
    private static Dictionary<string, long> Lengths(Model model) => model.Graph.Inputs.SelectMany(input => input.Shape!).Select(dim => dim.Symbol).OfType<string>().Distinct()
        .ToDictionary(symbol => symbol, symbol => symbol == "batch" ? 1L : 8);

    private static Tensor Run(Model model, IReadOnlyDictionary<string, Tensor> inputs) => ModelRunner.Run(model.ToBytes(), inputs)[model.Graph.Outputs[0].Name];

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        Assert.IsLessThan(1e-4, Distance(expected, actual));
    }

    private static double Distance(float[] a, float[] b) => a.Zip(b, (x, y) => Math.Abs((double)x - y)).Max();
}
