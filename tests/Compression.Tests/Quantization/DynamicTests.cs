using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Dynamic;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

[TestClass]
public sealed class DynamicTests
{
    [TestMethod]
    [DataRow(true, false)]
    [DataRow(false, false)]
    [DataRow(true, true)]
    public void A_product_is_laid_out_as_the_runtime_fuses_it(bool perChannel, bool reduceRange)
    {
        var weight = RandomFloats(70 * 48, 1);
        var (model, x) = Empty(5, 70);
        var graph = model.Graph;
        Output(graph, new Node("MatMul", [x, graph.AddInitializer("fc.weight", Tensor.Floats([70, 48], weight))], [new Value("y", new TensorType(DataType.Float, new Shape(5, 48)))], "/fc/MatMul"));
        Run(model, perChannel, reduceRange);

        CollectionAssert.AreEqual(
            new[] { "DynamicQuantizeLinear:x_QuantizeLinear", "MatMulInteger:/fc/MatMul_quant", "Cast:y_output_quantized_cast", "Mul:/fc/MatMul_quant_scales_mul", "Mul:/fc/MatMul_quant_output_scale_mul" },
            graph.Nodes.Select(node => node.OpType + ":" + node.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "x_quantized", "fc.weight_quantized", "x_zero_point", "fc.weight_zero_point" }, graph.Nodes[1].Inputs.Select(input => input!.Name).ToArray());
        var scales = graph.Initializers.Single(value => value.Name == "fc.weight_scale").Initializer!;
        Assert.AreEqual(perChannel ? 48 : 1, scales.Count);
        Assert.HasCount(perChannel ? 1 : 0, scales.Dims);

        // Every weight is within half a step; the extreme one of a column uses the whole range.
        var integers = graph.Initializers.Single(value => value.Name == "fc.weight_quantized").Initializer!.ToArray<sbyte>();
        var scale = scales.ToFloats();
        for (var index = 0; index < weight.Length; index++)
        {
            var step = scale[perChannel ? index % 48 : 0];
            Assert.AreEqual(weight[index], integers[index] * step, (step / 2) + 1e-7f);
        }

        Assert.AreEqual(reduceRange ? 64 : 127, integers.Max(x => Math.Abs((int)x)));

        // The integer product, scaled back, exactly as the operators are defined.
        var input = RandomFloats(5 * 70, 2);
        var expected = Simulate(input, 5, 70, integers, 48, scale);
        var actual = ModelRunner.Run(model.ToBytes(), new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([5, 70], input) })["y"].ToFloats();
        for (var index = 0; index < expected.Length; index++)
        {
            Assert.AreEqual(expected[index], actual[index], 1e-5f);
        }

        var optimized = Optimized(model);
        Assert.IsTrue(optimized.Graph.Nodes.Any(node => node.OpType is "DynamicQuantizeMatMul"), string.Join(",", optimized.Graph.Nodes.Select(node => node.OpType)));
    }

    [TestMethod]
    public void Layers_with_the_same_input_share_its_quantized_form()
    {
        var (model, x) = Empty(4, 32);
        var graph = model.Graph;
        foreach (var name in new[] { "q", "k", "v" })
        {
            Output(graph, new Node("MatMul", [x, graph.AddInitializer(name + ".weight", Tensor.Floats([32, 32], RandomFloats(1024, name[0])))], [new Value(name)], name));
        }

        Run(model);
        Assert.AreEqual(1, graph.Nodes.Count(node => node.OpType == "DynamicQuantizeLinear"));
        Assert.AreEqual(3, Optimized(model).Graph.Nodes.Count(node => node.OpType == "MatMulIntegerToFloat"));
    }

    [TestMethod]
    public void A_convolution_gets_unsigned_weights_and_its_bias_behind_it()
    {
        var weight = RandomFloats(6 * 4 * 3 * 3, 3);
        var bias = RandomFloats(6, 4);
        var model = new Model();
        model.OpsetImports[""] = 17;
        var graph = model.Graph;
        var x = new Value("x", new TensorType(DataType.Float, new Shape(2, 8, 9, 9)));
        graph.AddInput(x);
        var w = graph.AddInitializer("conv.weight", Tensor.Floats([6, 4, 3, 3], weight));
        var b = graph.AddInitializer("conv.bias", Tensor.Floats([6], bias));
        Output(graph, new Node("Conv", [x, w, b], [new Value("y")], "/conv/Conv", "", Attribute.Ints("pads", 1, 1, 1, 1), Attribute.Int("group", 2), Attribute.Ints("strides", 2, 2), Attribute.Ints("kernel_shape", 3, 3)));
        var input = new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([2, 8, 9, 9], RandomFloats(2 * 8 * 81, 5, offset: 0.5f)) };
        var before = ModelRunner.Run(model.ToBytes(), input)["y"];

        Run(model);

        CollectionAssert.AreEqual(new[] { "DynamicQuantizeLinear", "ConvInteger", "Cast", "Mul", "Mul", "Add" }, graph.Nodes.Select(node => node.OpType).ToArray());
        Assert.AreEqual(DataType.UInt8, graph.Nodes[1].Input(1)!.Initializer!.Type);
        CollectionAssert.AreEqual(new long[] { 1, 6, 1, 1 }, graph.Nodes[5].Input(1)!.Initializer!.Dims.ToArray());
        CollectionAssert.AreEquivalent(new[] { "pads", "group", "strides", "kernel_shape" }, graph.Nodes[1].Attributes.Select(attribute => attribute.Name).ToArray());
        Assert.IsFalse(graph.Initializers.Any(value => value.Name is "conv.bias" or "conv.weight"));
        var snr = ModelRunner.SnrDb(before, ModelRunner.Run(model.ToBytes(), input)["y"]);
        Assert.IsTrue(snr is > 35 and < 60, $"{snr} dB");
    }

    [TestMethod]
    public void Gemm_keeps_its_bias_and_its_transposed_weight()
    {
        var (model, x) = Empty(3, 64);
        var graph = model.Graph;
        var w = graph.AddInitializer("fc.weight", Tensor.Floats([40, 64], RandomFloats(40 * 64, 6)));
        var b = graph.AddInitializer("fc.bias", Tensor.Floats([40], RandomFloats(40, 7)));
        Output(graph, new Node("Gemm", [x, w, b], [new Value("y")], "/fc/Gemm", "", Attribute.Int("transB", 1)));
        var input = new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([3, 64], RandomFloats(3 * 64, 8)) };
        var before = ModelRunner.Run(model.ToBytes(), input)["y"];
        Run(model);
        Assert.AreEqual("Add", graph.Nodes[^1].OpType);
        CollectionAssert.AreEqual(new long[] { 64, 40 }, graph.Nodes.Single(node => node.OpType == "MatMulInteger").Input(1)!.Initializer!.Dims.ToArray());
        Assert.IsGreaterThan(35, ModelRunner.SnrDb(before, ModelRunner.Run(model.ToBytes(), input)["y"]));
    }

    [TestMethod]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        Model Build()
        {
            var (model, x) = Empty(1, 700);
            var graph = model.Graph;
            Output(graph, new Node("MatMul", [x, graph.AddInitializer("a.weight", Tensor.Floats([700, 333], RandomFloats(700 * 333, 9)))], [new Value("a")], "a"));
            Output(graph, new Node("Gemm", [x, graph.AddInitializer("b.weight", Tensor.Floats([333, 700], RandomFloats(700 * 333, 9)))], [new Value("b")], "b", "", Attribute.Int("transB", 1)));
            return model;
        }

        var (one, two) = (Build(), Build());
        Assert.AreEqual(Run(one, threads: 1).ToJsonString(), Run(two, threads: 2).ToJsonString());
        CollectionAssert.AreEqual(one.ToBytes(), two.ToBytes());
    }

    [TestMethod]
    public void Layers_that_do_not_fit_are_skipped_with_their_reason()
    {
        var (model, x) = Empty(3, 64);
        var graph = model.Graph;
        Output(graph, new Node("MatMul", [x, graph.AddInitializer("good.weight", Tensor.Floats([64, 64], RandomFloats(4096, 1)))], [new Value("a")], "a"));
        Output(graph, new Node("MatMul", [x, graph.AddInitializer("nan.weight", Tensor.Floats([64, 64], [.. RandomFloats(4095, 1), float.NaN]))], [new Value("b")], "b"));
        var half = new Value("h", new TensorType(DataType.Float16, new Shape(3, 64)));
        graph.AddInput(half);
        Output(graph, new Node("MatMul", [half, graph.AddInitializer("half.weight", Tensor.Create<Half>(DataType.Float16, [64, 64], new Half[4096]))], [new Value("c")], "c"));
        var metrics = Run(model);
        var skipped = metrics["skipped"]!.AsArray().ToDictionary(item => (string)item!["name"]!, item => (string)item!["reason"]!);
        StringAssert.Contains(skipped["nan"], "not a number");
        StringAssert.Contains(skipped["half"], "float16");
        Assert.AreEqual(1, (int)metrics["quantizedLayers"]!);
    }

    [TestMethod]
    public void Old_operator_sets_are_refused()
    {
        var (model, x) = Empty(3, 64);
        model.OpsetImports[""] = 9;
        Output(model.Graph, new Node("MatMul", [x, model.Graph.AddInitializer("w", Tensor.Floats([64, 64], RandomFloats(4096, 1)))], [new Value("a")], "a"));
        var error = Assert.ThrowsExactly<CompressToolException>(() => new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic }, new StageContext()));
        Assert.AreEqual(CompressionErrors.UnsuitableModel, error.Code);
        StringAssert.Contains(error.Message, "opset 9");
        Assert.AreEqual(9, model.Opset);
    }

    private static JsonObject Run(Model model, bool perChannel = true, bool reduceRange = false, int threads = 0) => LayerQuantization.Run(
        model, LayerSelection.Select(Layers.Find(model.Graph), new LayerSelector()), new DynamicScheme(perChannel, reduceRange, threads), new StageContext());

    private static (Model Model, Value Input) Empty(params long[] dims)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var x = new Value("x", new TensorType(DataType.Float, Shape.Of(dims)));
        model.Graph.AddInput(x);
        return (model, x);
    }

    private static void Output(Graph graph, Node node)
    {
        graph.Add(node);
        graph.Outputs.Add(node.Output(0)!);
    }

    private static float[] Simulate(float[] x, int rows, int k, sbyte[] weight, int n, float[] scale)
    {
        var (low, high) = (Math.Min(0, x.Min()), Math.Max(0, x.Max()));
        var step = (high - low) / 255;
        var zero = (int)Math.Clamp(MathF.Round(-low / step, MidpointRounding.ToEven), 0, 255);
        var integers = Array.ConvertAll(x, value => (int)Math.Clamp(MathF.Round(value / step, MidpointRounding.ToEven) + zero, 0, 255));
        var result = new float[rows * n];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < n; column++)
            {
                var sum = 0;
                for (var inner = 0; inner < k; inner++)
                {
                    sum += (integers[(row * k) + inner] - zero) * weight[(inner * n) + column];
                }

                result[(row * n) + column] = sum * (step * scale[scale.Length == 1 ? 0 : column]);
            }
        }

        return result;
    }

    private static Model Optimized(Model model)
    {
        using var folder = new TempFolder();
        var path = folder.File("optimized.onnx");
        using (var options = new SessionOptions { OptimizedModelFilePath = path, GraphOptimizationLevel = GraphOptimizationLevel.All })
        using (new InferenceSession(model.ToBytes(), options))
        {
            return Model.Parse(File.ReadAllBytes(path));
        }
    }

    private static float[] RandomFloats(int count, int seed, float offset = 0)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1 + offset)];
    }
}
