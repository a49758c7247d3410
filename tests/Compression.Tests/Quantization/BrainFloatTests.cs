using System.Text.Json.Nodes;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Float16;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime;
using CompressTool.Testing.Models;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>The scheme bf16: weights stored in bfloat16, everything computed in float32.</summary>
[TestClass]
public sealed class BrainFloatTests : IDisposable
{
    private readonly Model _model = new();

    public BrainFloatTests() => _model.OpsetImports[""] = 17;

    public void Dispose() => _model.Dispose();

    private Graph Graph => _model.Graph;

    [TestMethod]
    public void Matrices_are_stored_in_bfloat16_and_computed_in_float32()
    {
        var (x, w) = (Input("x", 2, 16), Weight("w", 16, 32));
        var bias = Weight("b", 32);
        Output("y", Node("Relu", Node("Add", Node("MatMul", x, w), bias)));
        var weights = w.Initializer!;
        var metrics = Quantize();

        CollectionAssert.AreEqual(new[] { "Cast", "MatMul", "Add", "Relu" }, Operators());
        Assert.AreEqual((DataType.BFloat16, DataType.Float), (w.Initializer!.Type, bias.Initializer!.Type));
        Assert.AreEqual("w_cast_to_fp32", Graph.Nodes[1].Inputs[1]!.Name);
        Assert.AreEqual((1, 1, 2048L, 1024L), ((int)metrics["castsAdded"]!, (int)metrics["convertedTensors"]!, (long)metrics["weightBytesBefore"]!, (long)metrics["weightBytesAfter"]!));
        var actual = Run();

        // The same numbers as a float32 model with rounded weights, to the last bit.
        Graph.Nodes[1].SetInput(1, Graph.AddInitializer("rounded", Tensor.Floats([16, 32], BrainFloatTensor.From(weights).ToFloats())));
        Graph.RemoveUnused();
        CollectionAssert.AreEqual(Run().ToFloats(), actual.ToFloats());
    }

    [TestMethod]
    public void The_runtime_evaluates_the_Casts_of_weights_when_it_loads_the_model()
    {
        Output("y", Node("MatMul", Node("MatMul", Input("x", 2, 16), Weight("w", 16, 1 << 16)), Node("Transpose", [Weight("v", 8, 1 << 16)])));
        Quantize();
        using var folder = new TempFolder();
        using (var options = new SessionOptions { GraphOptimizationLevel = GraphOptimizationLevel.Extended, OptimizedModelFilePath = folder.File("optimized.onnx") })
        {
            using var session = new InferenceSession(_model.ToBytes(), options);
        }

        using var optimized = Model.Load(folder.File("optimized.onnx"));
        Assert.IsFalse(optimized.Graph.Nodes.Any(node => node.Is("Cast")));
    }

    [TestMethod]
    public void A_tied_embedding_is_stored_once_and_gathered_before_the_cast()
    {
        var tokens = new Value("tokens", new TensorType(DataType.Int64, new Shape(3)));
        Graph.AddInput(tokens);
        var table = Weight("wte", 40, 16);
        var hidden = Node("Gather", table, tokens);
        Output("y", Node("Gemm", [hidden, table], Attribute.Int("transB", 1)));
        var feeds = new Dictionary<string, Tensor> { ["tokens"] = Tensor.Int64s(1, 39, 7) };
        var before = ModelRunner.Run(_model.ToBytes(), feeds)["y"];

        var metrics = Quantize();

        Assert.AreEqual((1, 2, 1), ((int)metrics["convertedTensors"]!, (int)metrics["castsAdded"]!, (int)metrics["bfloat16Nodes"]!));
        Assert.AreSame(table, hidden.Producer!.Inputs[0]);
        Assert.AreEqual("Cast", Graph.Nodes.Single(node => node.Is("Gemm")).Inputs[0]!.Producer!.OpType);
        Assert.HasCount(1, Graph.Initializers);
        Assert.IsInRange(40, 70, ModelRunner.SnrDb(before, ModelRunner.Run(_model.ToBytes(), feeds)["y"]));
    }

    /// <summary>ONNX Runtime puts no Casts around what it cannot compute in bfloat16, so every operator that stays in it must have a kernel.</summary>
    [TestMethod]
    [DataRow("Flatten", null)]
    [DataRow("Gather", 0L)]
    [DataRow("GatherND", 0L)]
    [DataRow("GatherElements", null)]
    [DataRow("Identity", null)]
    [DataRow("Reshape", -1L)]
    [DataRow("Slice", 0L)]
    [DataRow("Split", null)]
    [DataRow("Squeeze", null)]
    [DataRow("Transpose", null)]
    [DataRow("Unsqueeze", 0L)]
    public void What_moves_weights_runs_in_bfloat16(string op, long? operand)
    {
        var w = Weight("w", 16, 32);
        List<Value?> inputs = op switch
        {
            "GatherElements" => [w, Constant("i", Tensor.Int64s(0, 5).Reshape(1, 2))],
            "Slice" => [w, Constant("i", Tensor.Int64s(0)), Constant("j", Tensor.Int64s(9))],
            _ => operand is { } number ? [w, Constant("i", Tensor.Int64s(number))] : [w],
        };
        var moved = Node(op, [.. inputs]);
        Output("y", Node("Relu", moved));
        Graph.AddInput(new Value("x", new TensorType(DataType.Float, new Shape(1, 1))));
        var before = Run();

        Quantize();

        Assert.AreEqual(DataType.BFloat16, moved.Producer!.Inputs[0]!.Initializer!.Type);
        Assert.AreEqual("Cast", Graph.Nodes.Single(node => node.Is("Relu")).Inputs[0]!.Producer!.OpType);
        var rounded = BrainFloatTensor.From(Tensor.Floats([before.Count], before.ToFloats())).ToFloats();
        CollectionAssert.AreEqual(rounded, Run().ToFloats());
    }

    /// <summary>When one of these loads, the scheme can compute more in bfloat16 than it does.</summary>
    [TestMethod]
    [DataRow("MatMul")]
    [DataRow("Add")]
    [DataRow("Relu")]
    [DataRow("Softmax")]
    public void The_CPU_provider_cannot_compute_in_bfloat16(string op)
    {
        var x = new Value("x", new TensorType(DataType.BFloat16, new Shape(4, 4)));
        Graph.AddInput(x);
        Output("y", Node(op, op is "MatMul" or "Add" ? [x, x] : [x]));
        Graph.Outputs[0].Type = new TensorType(DataType.BFloat16, new Shape(4, 4));
        var error = Assert.ThrowsExactly<OnnxRuntimeException>(() => new InferenceSession(_model.ToBytes(), new SessionOptions()));
        StringAssert.Contains(error.Message, "implementation");
    }

    public static IEnumerable<object[]> Classic => ClassicModels.All.Select(model => new object[] { model });

    [TestMethod]
    [DynamicData(nameof(Classic))]
    public void Classic_models_load_and_stay_near_float32(ClassicModel classic)
    {
        using var model = classic.Build();
        var inputs = classic.Inputs(model);
        var before = ModelRunner.Run(model.ToBytes(), inputs);
        var bytes = model.Graph.Initializers.Where(value => value.Initializer!.Type == DataType.Float).Sum(value => value.Initializer!.ByteLength);

        var metrics = new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Bf16 }, new StageContext()).Metrics;

        Assert.IsGreaterThan(0.5 * bytes, (long)metrics["weightBytesBefore"]!, "small ones are a small part even here");
        foreach (var level in new[] { GraphOptimizationLevel.All, GraphOptimizationLevel.DisableAll })
        {
            var after = ModelRunner.Run(model.ToBytes(), inputs, level);
            Assert.IsTrue(before.All(output => ModelRunner.SnrDb(output.Value, after[output.Key]) is > 30 and < 80));
        }
    }

    [TestMethod]
    public void Layers_that_are_left_out_stay_float32()
    {
        var (x, first, second) = (Input("x", 2, 16), Weight("first.weight", 16, 16), Weight("second.weight", 16, 16));
        Output("y", Node("MatMul", Node("MatMul", Node("MatMul", x, first), second), Weight("third.weight", 16, 16)));
        Quantize(new QuantizeOptions { Layers = new LayerSelector { Exclude = ["first"] } });
        Assert.AreEqual((DataType.Float, DataType.BFloat16), (first.Initializer!.Type, second.Initializer!.Type));
        Run();
    }

    [TestMethod]
    public void Inputs_and_outputs_can_become_bfloat16()
    {
        Output("y", Node("MatMul", Input("x", 2, 16), Weight("w", 16, 32)));
        Graph.Outputs[0].Type = new TensorType(DataType.Float, new Shape(2, 32));
        var before = Run();
        Quantize(new QuantizeOptions { KeepIoTypes = false });
        Assert.AreEqual((DataType.BFloat16, DataType.BFloat16), (Graph.Inputs[0].ElementType, Graph.Outputs[0].ElementType));
        Assert.AreEqual("y", Graph.Outputs[0].Name);
        Assert.IsInRange(35, 65, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Weights_in_nodes_and_of_branches_are_stored_in_bfloat16_too()
    {
        var (x, shared) = (Input("x", 2, 16), Weight("shared", 16, 16));
        var condition = Constant("c", Tensor.Create<bool>(DataType.Bool, [], [true]));
        var (then, other) = (new Graph { Name = "then" }, new Graph { Name = "other" });
        var constant = then.AddNode(null, "Constant", "inner", [], null, "", Attribute.Tensor("value", RandomTensors.Normal("inner", 0, 1, 16, 16)));
        then.Outputs.Add(then.AddNode(null, "MatMul", "a", [then.AddNode(null, "MatMul", "b", [x, shared]), constant]));
        other.Outputs.Add(other.AddNode(null, "MatMul", "d", [x, shared]));
        Output("y", Node("If", [condition], new Attribute("then_branch", AttributeKind.Graph, then), new Attribute("else_branch", AttributeKind.Graph, other)));
        var before = Run();
        Assert.AreEqual(2, (int)Quantize()["convertedTensors"]!);
        Assert.AreEqual((DataType.BFloat16, DataType.BFloat16), (shared.Initializer!.Type, constant.ConstantTensor!.Type));
        Assert.IsInRange(35, 65, ModelRunner.SnrDb(before, Run()));
    }

    [TestMethod]
    public void Outputs_that_are_constants_stay_float32()
    {
        var w = Weight("w", 16, 16);
        Output("y", Node("MatMul", Node("MatMul", Input("x", 2, 16), w), Weight("v", 16, 16)));
        Graph.Outputs.Add(w);
        Quantize();
        Assert.AreEqual(DataType.Float, Graph.Outputs[1].Initializer!.Type);
        Run();
    }

    [TestMethod]
    public void A_model_without_matrices_or_of_an_old_opset_is_refused()
    {
        Output("y", Node("Mul", Input("x", 2, 16), Weight("w", 1, 16)));
        var error = Assert.ThrowsExactly<CompressToolException>(() => Quantize());
        Assert.AreEqual(CompressionErrors.NoEffect, error.Code);
        StringAssert.Contains(error.Message, "no constant matrix");
        _model.OpsetImports[""] = 12;
        error = Assert.ThrowsExactly<CompressToolException>(() => Quantize());
        Assert.AreEqual(CompressionErrors.UnsuitableModel, error.Code);
        StringAssert.Contains(error.Message, "opset 13");
    }

    private JsonObject Quantize(QuantizeOptions? options = null) =>
        new QuantizeStage().Run(_model, (options ?? new QuantizeOptions()) with { Scheme = QuantizationScheme.Bf16 }, new StageContext()).Metrics;

    /// <summary>Runs the model as it is: without optimisation, all Casts are executed.</summary>
    private Tensor Run()
    {
        var input = Graph.Inputs[0];
        var x = RandomTensors.Normal("x", 0, 1, [.. input.Shape!.Select(dim => dim.Value!.Value)]);
        var feeds = new Dictionary<string, Tensor> { ["x"] = input.ElementType == DataType.BFloat16 ? BrainFloatTensor.From(x) : x };
        var optimized = ModelRunner.Run(_model.ToBytes(), feeds)["y"];
        var plain = ModelRunner.Run(_model.ToBytes(), feeds, GraphOptimizationLevel.DisableAll)["y"];
        Assert.IsGreaterThan(40, ModelRunner.SnrDb(plain, optimized));
        return plain;
    }

    private string[] Operators() => [.. Graph.Nodes.Select(node => node.OpType)];

    private Value Input(string name, params long[] dims)
    {
        var value = new Value(name, new TensorType(DataType.Float, Shape.Of(dims)));
        Graph.AddInput(value);
        return value;
    }

    private Value Constant(string name, Tensor tensor) => Graph.AddInitializer(name, tensor);

    private Value Weight(string name, params long[] dims) => Constant(name, RandomTensors.Normal(name, 0, 1, dims));

    private Value Node(string op, params Value?[] inputs) => Node(op, inputs, []);

    private Value Node(string op, Value?[] inputs, params Attribute[] attributes) => Graph.AddNode(null, op, op.ToLowerInvariant(), inputs, null, "", attributes);

    private void Output(string name, Value value)
    {
        value.Name = name;
        value.Type ??= new TensorType(DataType.Float, null);
        Graph.Outputs.Add(value);
    }
}
