using System.Text.Json.Nodes;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Onnx.Inference;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization.Static;

/// <summary>Layers behind concatenations become one layer for each part.</summary>
[TestClass]
public sealed class ConcatenationSplitTests
{
    private const int Channels = 8;
    private const int Side = 64;

    [TestMethod]
    [DataRow("Conv")]
    [DataRow("MatMul")]
    [DataRow("Gemm")]
    public void Divided_layer_computes_the_same(string op)
    {
        using var model = Build(op);
        var bytes = model.ToBytes();
        ShapeInference.Run(model);
        var layers = Layers.Find(model.Graph).ToList();

        var divided = ConcatenationSplit.Run(model, layers, ConcatenationSplit.Find(layers).Keys.ToHashSet());

        CollectionAssert.AreEqual(new[] { "shortcut" }, divided.ToArray());
        CollectionAssert.AreEqual(new[] { "shortcut.0", "shortcut.1", "after" }, layers.Select(layer => layer.Name).ToArray());
        Assert.IsFalse(model.Graph.Nodes.Any(node => node.OpType == "Concat"));
        Assert.IsNull(model.Graph.FindValue("shortcut.weight"));
        var feeds = Feeds(op, 1);
        var (before, after) = (ModelRunner.Run(bytes, feeds)["y"].ToFloats(), ModelRunner.Run(model.ToBytes(), feeds)["y"].ToFloats());
        var largest = before.Max(Math.Abs);
        foreach (var (left, right) in before.Zip(after))
        {
            Assert.AreEqual(left, right, 2e-6f * largest);
        }
    }

    /// <summary>Worked value: parts of +-1 and +-100; the mean squared error of the small one falls by (100 / 1)^2 in theory, and more than 1000 times is asked for.</summary>
    [TestMethod]
    public void Small_part_beside_a_large_one_keeps_its_precision()
    {
        var (joint, split) = (SmallPartError(false), SmallPartError(true));

        Assert.IsGreaterThan(1000 * split, joint, $"{joint} and {split}");
    }

    [TestMethod]
    public void Grouped_convolutions_and_concatenations_of_other_axes_stay_as_they_are()
    {
        using var model = Build("Conv", axis: 2);
        ShapeInference.Run(model);
        Assert.IsEmpty(ConcatenationSplit.Find(Layers.Find(model.Graph)));

        using var grouped = Build("Conv", group: 2);
        ShapeInference.Run(grouped);
        Assert.IsEmpty(ConcatenationSplit.Find(Layers.Find(grouped.Graph)));
    }

    [TestMethod]
    public void Shortcuts_of_a_diffusion_model_are_divided_where_it_is_said()
    {
        var divided = Split(null, true, out var metrics);

        Assert.IsGreaterThan(1, divided.Length);
        Assert.IsTrue(divided.All(name => name.StartsWith("up_blocks.", StringComparison.Ordinal) && name.EndsWith("conv_shortcut", StringComparison.Ordinal)), string.Join(' ', divided));
        var layers = metrics["layers"]!.AsArray().Select(layer => (string)layer!["name"]!).ToHashSet();
        Assert.IsTrue(divided.All(name => layers.Contains(name + ".0") && layers.Contains(name + ".1") && !layers.Contains(name)));
        Assert.AreEqual("[]", metrics["runtime"]!["floatOperators"]!.ToJsonString());
    }

    [TestMethod]
    public void By_default_those_are_divided_whose_parts_differ()
    {
        // The last one: what it makes reaches no other.
        var shortcut = Split(null, true, out _)[^1];
        Assert.IsEmpty(Split(null, null, out _));
        CollectionAssert.AreEqual(new[] { shortcut }, Split(shortcut, null, out var metrics));
        Assert.AreEqual("[]", metrics["runtime"]!["floatOperators"]!.ToJsonString());
        Assert.IsEmpty(Split(shortcut, false, out _));
    }

    [TestMethod]
    public void Nothing_to_divide_is_an_error_at_its_place_where_it_was_wished_for()
    {
        using var model = Build("MatMul", axis: 0);
        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8, SplitShortcuts = true, Calibration = new CalibrationOptions { Random = 2 } };

        var error = Assert.ThrowsExactly<CompressToolException>(() => new QuantizeStage().Run(model, (object)options, new StageContext()));

        Assert.AreEqual((CompressionErrors.NoEffect, "split-shortcuts"), (error.Code, error.OptionPath));
    }

    /// <summary>Quantizes a U-Net, in which the second part of what a shortcut reads is a hundred times as large.</summary>
    private static string[] Split(string? shortcut, bool? split, out JsonObject metrics)
    {
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        if (shortcut is not null)
        {
            var concat = Layers.Find(model.Graph).Single(layer => layer.Name == shortcut).Node.Inputs[0]!.Producer!;
            concat.SetInput(1, model.Graph.AddNode(concat, "Mul", "larger", [concat.Inputs[1], model.Graph.AddInitializer("hundred", Tensor.Float(100))], concat.Inputs[1]!.Type));
        }

        var options = new QuantizeOptions { Scheme = QuantizationScheme.Int8, SplitShortcuts = split, Calibration = new CalibrationOptions { Random = 2 } };
        metrics = new QuantizeStage().Run(model, (object)options, new StageContext()).Metrics;
        return [.. metrics["split"]!.AsArray().Select(name => (string)name!)];
    }

    /// <summary>The mean squared error of what the quantized layer makes of the small part: its weights for the large one are zero.</summary>
    private static double SmallPartError(bool split)
    {
        using var model = Build("MatMul", largeWeight: 0);
        var bytes = model.ToBytes();
        var options = new QuantizeOptions
        {
            Scheme = QuantizationScheme.Int8,
            SplitShortcuts = split,
            Calibration = new CalibrationOptions { Random = 16, Method = CalibrationMethod.MinMax },
        };
        new QuantizeStage().Run(model, (object)options, new StageContext());

        var feeds = Feeds("MatMul", 5);
        var (exact, noisy) = (ModelRunner.Run(bytes, feeds)["y"].ToFloats(), ModelRunner.Run(model.ToBytes(), feeds)["y"].ToFloats());
        return exact.Zip(noisy, (left, right) => Math.Pow(left - right, 2)).Average();
    }

    private static long[] Dims(string op) => op == "Conv" ? [1, Channels, Side, Side] : [Side, Channels];

    private static Tensor Uniform(int seed, float range, params long[] dims)
    {
        var random = new Random(seed);
        return Tensor.Floats(dims, [.. Enumerable.Range(0, (int)dims.Aggregate((product, dim) => product * dim)).Select(_ => ((random.NextSingle() * 2) - 1) * range)]);
    }

    private static Dictionary<string, Tensor> Feeds(string op, int seed) => new() { ["small"] = Uniform(seed, 1, Dims(op)), ["other"] = Uniform(seed + 1, 1, Dims(op)) };

    /// <summary>Two inputs, one a hundred times as large behind a product, concatenated in front of a layer with a bias; another layer reads the first.</summary>
    private static Model Build(string op, int axis = 1, int group = 1, float largeWeight = 1)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var graph = model.Graph;
        var (small, other) = (Input("small"), Input("other"));
        var large = Add("Mul", "large", [other, graph.AddInitializer("hundred", Tensor.Float(100))]);
        var both = Add("Concat", "both", [small, large], Attribute.Int("axis", axis));
        var inputs = axis == 1 ? 2 * Channels : Channels;
        var weight = Uniform(3, 1, op == "Conv" ? [4, inputs / group, 1, 1] : [inputs, 4]).ToFloats();
        for (var index = op == "Conv" ? weight.Length : Channels * 4; index < weight.Length; index++)
        {
            weight[index] *= largeWeight;
        }

        var w = graph.AddInitializer("shortcut.weight", Tensor.Floats(op == "Conv" ? [4, inputs / group, 1, 1] : [inputs, 4], weight));
        Value[] bias = op == "MatMul" ? [] : [graph.AddInitializer("shortcut.bias", Uniform(4, 1, 4))];
        graph.Outputs.Add(Add(op, "y", [both, w, .. bias], op == "Conv" ? [Attribute.Int("group", group)] : []));
        graph.Outputs.Add(Add(op, "z", [small, graph.AddInitializer("after.weight", Uniform(6, 1, op == "Conv" ? [4, Channels, 1, 1] : [Channels, 4]))]));
        return model;

        Value Input(string name)
        {
            var value = new Value(name, new TensorType(DataType.Float, Shape.Of(Dims(op))));
            graph.AddInput(value);
            return value;
        }

        Value Add(string type, string name, Value[] values, params Attribute[] attributes) => graph.AddNode(null, type, name, values, new TensorType(DataType.Float, null), "", attributes);
    }
}
