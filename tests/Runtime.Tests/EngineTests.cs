using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Runtime.Tests.Support;

namespace CompressTool.Runtime.Tests;

[TestClass]
public sealed class EngineTests
{
    private static readonly IEngine s_engine = new OnnxRuntimeEngine();

    [TestMethod]
    [DataRow(true, 0, false)]
    [DataRow(false, 1, false)]
    [DataRow(true, 2, true)]
    public void Function_gives_the_reference_outputs(bool optimize, int threads, bool saveMemory)
    {
        using var function = s_engine.Compile(Reference.UNet, new EngineOptions { Optimize = optimize, Threads = threads, SaveMemory = saveMemory, Providers = [new ExecutionProvider("CPU")] });
        foreach (var folder in new[] { "unet2d/io", "unet2d/io_b3" })
        {
            var expected = Reference.Array($"{folder}/out_sample.npy");
            var outputs = function.Run(new Dictionary<string, NdArray> { ["sample"] = Reference.Array($"{folder}/sample.npy"), ["timestep"] = Reference.Array($"{folder}/timestep.npy") }, ["out_sample"]);

            Assert.AreSequenceEqual(expected.Dims, outputs["out_sample"].Dims);
            Reference.AssertClose(expected.AsSpan<float>(), outputs["out_sample"].AsSpan<float>());
        }
    }

    [TestMethod]
    public void Every_oracle_model_gives_its_reference_outputs()
    {
        var models = Repository.OracleFolder is { } oracles && Directory.Exists(oracles)
            ? Directory.EnumerateDirectories(oracles).SelectMany(folder => Directory.EnumerateFiles(folder, "*.onnx"))
                .Where(model => Directory.Exists(Path.Combine(Path.GetDirectoryName(model)!, "io"))).Order(StringComparer.Ordinal).ToArray()
            : [];
        if (models.Length == 0)
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        foreach (var model in models)
        {
            using var function = s_engine.Compile(model);
            var feeds = function.Inputs.ToDictionary(input => input.Name, input => Read(input.Name));
            var output = function.Outputs.Single().Name;
            Reference.AssertClose(Read(output).AsSpan<float>(), function.Run(feeds)[output].AsSpan<float>());

            NdArray Read(string name) => NdArray.From(NpyFile.Read(Path.Combine(Path.GetDirectoryName(model)!, "io", name + ".npy")));
        }
    }

    /// <summary>As models of several GB are compiled: with weights in the file that they come from, and in one of their own where they have changed.</summary>
    [TestMethod]
    public void Weights_of_large_models_stay_in_their_files()
    {
        using var folder = new TempFolder();
        using (var saved = Model.Load(Reference.UNet))
        {
            saved.Save(folder.File("unet.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });
        }

        var feeds = new Dictionary<string, NdArray> { ["sample"] = Reference.Array("unet2d/io/sample.npy"), ["timestep"] = Reference.Array("unet2d/io/timestep.npy") };
        using var model = Model.Load(folder.File("unet.onnx"));
        var weight = model.Graph.Initializers.First(value => value.Initializer is { Type: DataType.Float, ByteLength: > 10_000 });
        Graph.ReplaceInitializer(weight, Tensor.Floats(weight.Initializer!.Dims, [.. weight.Initializer.ToFloats().Select(number => 2 * number)]));
        using var inMemory = s_engine.Compile(model);
        using var inFiles = new OnnxRuntimeEngine { MaxBytesInMemory = 0 }.Compile(model);

        var expected = inMemory.Run(feeds)["out_sample"];
        Assert.AreSequenceEqual(expected.Data.ToArray(), inFiles.Run(feeds)["out_sample"].Data.ToArray());
        Assert.IsGreaterThan(1e-3f, Math.Abs(expected.AsSpan<float>()[0] - Reference.Array("unet2d/io/out_sample.npy").AsSpan<float>()[0]), "the weight has changed");
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Weights_of_nodes_and_branches_can_be_in_files_too(bool inMemory)
    {
        using var folder = new TempFolder();
        using var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        var type = new TensorType(DataType.Float, Shape.Of([1000]));
        var (x, condition) = (new Value("x", type), new Value("condition", new TensorType(DataType.Bool, Shape.Scalar)));
        model.Graph.AddInput(x);
        model.Graph.AddInput(condition);
        var constant = model.Graph.AddNode(null, "Constant", "c", [], type, "", Onnx.Attribute.Tensor("value", Thousand(3)));
        var (yes, no) = (Branch("yes", 10), Branch("no", 20));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "If", "y", [condition], type, "", new Onnx.Attribute("then_branch", AttributeKind.Graph, yes), new Onnx.Attribute("else_branch", AttributeKind.Graph, no)));
        model.Save(folder.File("m.onnx"), new SaveOptions { ExternalData = ExternalDataMode.Always });

        using var function = inMemory ? new OnnxRuntimeEngine { MaxBytesInMemory = 0 }.Compile(model) : s_engine.Compile(folder.File("m.onnx"));
        foreach (var (isTrue, expected) in new[] { (true, 14f), (false, 24f) })
        {
            var feeds = new Dictionary<string, NdArray> { ["x"] = NdArray.Create([.. Enumerable.Repeat(1f, 1000)], 1000), ["condition"] = NdArray.Create([isTrue]) };
            Assert.AreEqual(expected, function.Run(feeds)["y"].AsSpan<float>()[999]);
        }

        Graph Branch(string name, float number)
        {
            var graph = new Graph { Name = name };
            var sum = graph.AddNode(null, "Add", name + "_sum", [x, constant], type);
            graph.Outputs.Add(graph.AddNode(null, "Add", name + "_y", [sum, graph.AddInitializer(name + "_w", Thousand(number))], type));
            return graph;
        }

        static Tensor Thousand(float number) => Tensor.Floats([1000], [.. Enumerable.Repeat(number, 1000)]);
    }

    [TestMethod]
    public void Memory_of_runs_is_counted_with_the_weights()
    {
        using var function = s_engine.Compile(Reference.UNet);
        var weights = function.PeakBytes;
        Run("unet2d/io");
        var one = function.PeakBytes;
        Run("unet2d/io_b3");
        Run("unet2d/io_b3");

        Assert.IsNotNull(weights);
        Assert.IsGreaterThan(weights.Value, one!.Value);
        Assert.IsGreaterThan(one.Value, function.PeakBytes!.Value);

        void Run(string folder) => function.Run(new Dictionary<string, NdArray> { ["sample"] = Reference.Array($"{folder}/sample.npy"), ["timestep"] = Reference.Array($"{folder}/timestep.npy") });
    }

    [TestMethod]
    public void Function_tells_its_inputs_and_outputs()
    {
        using var function = s_engine.Compile(Reference.UNet);

        Assert.AreEqual("sample: float32[batch,3,32,32], timestep: int64[batch]", string.Join(", ", function.Inputs));
        Assert.AreEqual("out_sample: float32[batch,3,32,32]", string.Join(", ", function.Outputs));
        Assert.AreEqual(new TensorType(DataType.Int64, new Shape(new Dim("batch"))), function.Inputs[1].Type);
        Assert.AreEqual("onnxruntime", s_engine.Name);
        Assert.AreEqual(OrtEnvironment.Version, s_engine.Version);
        Assert.Contains("CPUExecutionProvider", s_engine.Providers);
    }

    [TestMethod]
    public void Deterministic_runs_give_the_same_bits_on_any_number_of_threads()
    {
        var feeds = new Dictionary<string, NdArray> { ["sample"] = Reference.Array("unet2d/io/sample.npy"), ["timestep"] = Reference.Array("unet2d/io/timestep.npy") };
        byte[]? first = null;
        foreach (var threads in new[] { 1, 2, 3, 3 })
        {
            using var function = s_engine.Compile(Reference.UNet, new EngineOptions { Threads = threads });
            var bits = function.Run(feeds)["out_sample"].Data.ToArray();
            Assert.AreSequenceEqual(first ??= bits, bits);
        }
    }

    [TestMethod]
    public void Long_run_can_be_cancelled()
    {
        using var folder = new TempFolder();
        var path = folder.File("loop.onnx");
        File.WriteAllBytes(path, TinyModel.LongLoop());
        using var function = s_engine.Compile(path);
        var feeds = new Dictionary<string, NdArray> { ["trips"] = NdArray.Create([long.MaxValue]), ["x"] = NdArray.Create(new float[256 * 256], 256, 256) };
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));

        Assert.ThrowsExactly<OperationCanceledException>(() => function.Run(feeds, cancellationToken: cancellation.Token));
    }

    [TestMethod]
    public void Errors_have_codes()
    {
        using var folder = new TempFolder();
        var strings = folder.File("strings.onnx");
        File.WriteAllBytes(strings, TinyModel.Model(TinyModel.Graph([TinyModel.Node("Identity", ["x"], ["y"])], [TinyModel.Value("x", DataType.String, 1)], [TinyModel.Value("y", DataType.String, 1)])));
        using var function = s_engine.Compile(Reference.UNet);

        Assert.AreSame(OnnxErrors.FileNotFound, Assert.Throws<CompressToolException>(() => s_engine.Compile("missing.onnx")).Code);
        Assert.AreSame(OnnxErrors.Unsupported, Assert.Throws<CompressToolException>(() => s_engine.Compile(strings)).Code);
        Assert.AreSame(RuntimeErrors.ModelRefused, Assert.Throws<CompressToolException>(() => s_engine.Compile(folder.Write("text.onnx", "no model"))).Code);
        Assert.AreSame(RuntimeErrors.ProviderNotAvailable, Assert.Throws<CompressToolException>(() => s_engine.Compile(Reference.UNet, new EngineOptions { Providers = [new ExecutionProvider("abacus")] })).Code);
        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.Throws<CompressToolException>(() => function.Run(new Dictionary<string, NdArray>())).Code);
    }

    [TestMethod]
    public void Arrays_check_their_size_and_type()
    {
        var array = NdArray.Create([1f, 2, 3, 4, 5, 6], 2, 3);
        Assert.AreEqual("float32[2,3]", array.ToString());
        Assert.AreEqual(6, array.Count);
        Assert.AreSequenceEqual([1f, 2, 3, 4, 5, 6], array.AsSpan<float>().ToArray());
        Assert.AreEqual(24, array.AsSpan<byte>().Length);
        Assert.ThrowsExactly<InvalidOperationException>(() => array.AsSpan<int>().ToArray());

        Assert.AreEqual(3, new NdArray(DataType.Int4, [5], new byte[3]).Data.Length);
        Assert.IsEmpty(NdArray.Create([7L]).Dims);
        foreach (var dims in new long[][] { [5], [-2, -3], [2, 4], [long.MaxValue, 2] })
        {
            Assert.AreSame(RuntimeErrors.InvalidInput, Assert.ThrowsExactly<CompressToolException>(() => new NdArray(DataType.Float, dims, array.Data)).Code);
        }

        Assert.AreSame(RuntimeErrors.InvalidInput, Assert.ThrowsExactly<CompressToolException>(() => new NdArray(DataType.String, [0], default)).Code);
    }

    [TestMethod]
    public void Arrays_become_tensors_and_come_back()
    {
        var array = NdArray.Create([(Half)1, (Half)2], 2);
        var back = NdArray.From(array.ToTensor());

        Assert.AreEqual(DataType.Float16, back.Type);
        Assert.AreSequenceEqual([2L], back.Dims);
        Assert.AreSequenceEqual(array.Data.ToArray(), back.Data.ToArray());
    }
}
