using CompressTool.Compression.Evaluation;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Evaluation;

[TestClass]
public sealed class InputSourceTests
{
    private static readonly Dim s_batch = new("batch");

    [TestMethod]
    public void Floats_are_normal_and_depend_on_seed_name_and_sample_alone()
    {
        var feeds = Feeds(new InputOptions { Samples = 2 }, 7, ("x", Type(DataType.Float, 100, 100)), ("other", Type(DataType.Float, 100, 100)));
        var numbers = feeds[0]["x"].AsSpan<float>().ToArray();

        Assert.AreEqual(0, numbers.Average(), 0.03);
        Assert.AreEqual(1, numbers.Average(x => x * x), 0.05);
        Assert.AreEqual(3, numbers.Average(x => Math.Pow(x, 4)), 0.3);
        Assert.IsFalse(Same(feeds[0]["x"], feeds[1]["x"]));
        Assert.IsFalse(Same(feeds[0]["x"], feeds[0]["other"]));
        Assert.IsTrue(Same(feeds[0]["x"], Feeds(new InputOptions(), 7, ("x", Type(DataType.Float, 100, 100)))[0]["x"]));
        Assert.IsFalse(Same(feeds[0]["x"], Feeds(new InputOptions(), 8, ("x", Type(DataType.Float, 100, 100)))[0]["x"]));
    }

    [TestMethod]
    public void Float16_model_gets_the_numbers_of_the_float32_model_rounded()
    {
        var single = Feeds(new InputOptions(), 7, ("x", Type(DataType.Float, 50)))[0]["x"].AsSpan<float>().ToArray();
        var half = Feeds(new InputOptions(), 7, ("x", Type(DataType.Float16, 50)))[0]["x"].AsSpan<Half>().ToArray();

        CollectionAssert.AreEqual(Array.ConvertAll(single, x => (Half)x), half);
    }

    [TestMethod]
    [DataRow("timestep", DataType.Int64)]
    [DataRow("ids", DataType.Int32)]
    [DataRow("timestep", DataType.Float)]
    public void Timesteps_are_whole_numbers_below_1000(string name, DataType type)
    {
        var numbers = NumberArrays.ToDoubles(Feeds(new InputOptions(), 1, (name, Type(type, 5000)))[0][name]);

        Assert.IsTrue(numbers.All(x => x is >= 0 and < 1000 && x == Math.Floor(x)));
        Assert.IsLessThan(5, numbers.Min());
        Assert.IsGreaterThan(994, numbers.Max());
        Assert.AreEqual(499.5, numbers.Average(), 20);
    }

    [TestMethod]
    public void Indices_stay_inside_the_table_that_they_index()
    {
        using var bench = new GateBench();
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var labels = new Value("class_labels", Type(DataType.Int64, 2000));
        model.Graph.AddInput(labels);
        var table = model.Graph.AddInitializer("table", Tensor.Floats([4, 51], new float[204]));
        var cast = model.Graph.AddNode(null, "Cast", "cast", [labels], attributes: Onnx.Attribute.Int("to", (long)DataType.Int32));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Gather", "gather", [table, cast], attributes: Onnx.Attribute.Int("axis", -1)));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "Gather", "shape", [labels, model.Graph.AddInitializer("zero", Tensor.Int64(0))]));

        var numbers = Feeds(InputSource.Random(model, new InputOptions(), 0), model.Graph)[0]["class_labels"].AsSpan<long>().ToArray();

        Assert.AreEqual(50, numbers.Max());
        Assert.AreEqual(0, numbers.Min());
    }

    [TestMethod]
    public void Masks_let_everything_through()
    {
        var feeds = Feeds(new InputOptions(), 0, ("attention_mask", Type(DataType.Int64, 9)), ("mask", Type(DataType.Bool, 9)));

        Assert.IsTrue(NumberArrays.ToDoubles(feeds[0]["attention_mask"]).Concat(NumberArrays.ToDoubles(feeds[0]["mask"])).All(x => x == 1));
    }

    [TestMethod]
    public void Symbols_mean_the_same_length_everywhere()
    {
        var inputs = new[]
        {
            ("sample", new TensorType(DataType.Float, new Shape(s_batch, 4, new Dim("height"), new Dim("width")))),
            ("states", new TensorType(DataType.Float, new Shape(Dim.Unknown, new Dim("tokens"), s_batch))),
        };
        var feeds = Feeds(new InputOptions { Batch = 3, Dims = new Dictionary<string, long> { ["height"] = 8, ["width"] = 16 } }, 0, inputs)[0];

        CollectionAssert.AreEqual(new long[] { 3, 4, 8, 16 }, feeds["sample"].Dims.ToArray());
        CollectionAssert.AreEqual(new long[] { 3, 1, 3 }, feeds["states"].Dims.ToArray());
    }

    [TestMethod]
    public void Unknown_dimension_is_an_error_with_a_hint()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() =>
            Feeds(new InputOptions { Dims = new Dictionary<string, long> { ["heigth"] = 8 } }, 0, ("x", new TensorType(DataType.Float, new Shape(s_batch, new Dim("height"))))));

        Assert.AreEqual("dims.heigth", error.OptionPath);
        Assert.Contains("did you mean 'height'?", error.Message);
    }

    [TestMethod]
    public void Input_without_a_shape_needs_files()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => Feeds(new InputOptions(), 0, ("x", new TensorType(DataType.Float, null))));

        Assert.Contains("data.inputs", error.Message);
    }

    [TestMethod]
    public void Given_inputs_are_read_and_cast()
    {
        using var folder = new TempFolder();
        var (npy, safetensors) = (folder.File("x.npy"), folder.File("all.safetensors"));
        NpyFile.Write(npy, Tensor.Create<double>(DataType.Double, [2], [1, 2]));
        SafetensorsFile.Write(safetensors, [new("t", Tensor.Int64s(5)), new("y", Tensor.Int64s(9))]);
        var graph = GraphOf(("x", Type(DataType.Float, 2)), ("t", Type(DataType.Int64, 1)));

        var feeds = Feeds(InputSource.FromFiles(new Dictionary<string, string> { ["x"] = npy, ["t"] = safetensors, ["y"] = safetensors }, graph), graph);

        CollectionAssert.AreEqual(new float[] { 1, 2 }, feeds.Single()["x"].AsSpan<float>().ToArray());
        CollectionAssert.AreEqual(new long[] { 5 }, feeds[0]["t"].AsSpan<long>().ToArray());
    }

    [TestMethod]
    [DataRow("sample,tt", "the input 'tt' is not one of the original model; did you mean 't'?")]
    [DataRow("sample", "the model's input 't' is not among the given inputs")]
    public void Given_inputs_must_be_those_of_the_model(string names, string message)
    {
        using var folder = new TempFolder();
        var files = names.Split(',').ToDictionary(name => name, name => folder.File(name + ".npy"));
        foreach (var file in files.Values)
        {
            NpyFile.Write(file, Tensor.Int64s(5));
        }

        var error = Assert.ThrowsExactly<CompressToolException>(() => InputSource.FromFiles(files, GraphOf(("sample", Type(DataType.Float, 1)), ("t", Type(DataType.Int64, 1)))));

        Assert.Contains(message, error.Message);
    }

    [TestMethod]
    [DataRow(DataType.Float)]
    [DataRow(DataType.Double)]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    [DataRow(DataType.Int64)]
    [DataRow(DataType.UInt64)]
    [DataRow(DataType.Int32)]
    [DataRow(DataType.UInt32)]
    [DataRow(DataType.Int16)]
    [DataRow(DataType.UInt16)]
    [DataRow(DataType.Int8)]
    [DataRow(DataType.UInt8)]
    [DataRow(DataType.Bool)]
    public void Numbers_survive_every_element_type(DataType type)
    {
        double[] numbers = type == DataType.Bool ? [0, 1, 1] : [0, 1, 100];

        CollectionAssert.AreEqual(numbers, NumberArrays.ToDoubles(NumberArrays.FromDoubles(type, [3], numbers)));
    }

    [TestMethod]
    public void Bfloat16_rounds_to_nearest_even()
    {
        var bits = NumberArrays.FromDoubles(DataType.BFloat16, [4], [1.00390625, 1.01171875, -1.005, double.NaN]).AsSpan<ushort>().ToArray();

        CollectionAssert.AreEqual(new ushort[] { 0x3F80, 0x3F82, 0xBF81, 0x7FC0 }, bits);
    }

    private static TensorType Type(DataType type, params long[] dims) => new(type, Shape.Of(dims));

    [TestMethod]
    public void Open_dimensions_have_the_lengths_that_the_model_is_made_for()
    {
        using var model = ModelOf(("sample", new TensorType(DataType.Float, new Shape(new Dim("batch"), 3, new Dim("height"), new Dim("width")))));
        UsualDims.Write(model, new Dictionary<string, long> { ["height"] = 8, ["width"] = 6 });

        var usual = Feeds(InputSource.Random(model, new InputOptions { Batch = 2 }, 0), model.Graph)[0]["sample"];
        var given = Feeds(InputSource.Random(model, new InputOptions { Dims = new Dictionary<string, long> { ["width"] = 4 } }, 0), model.Graph)[0]["sample"];

        CollectionAssert.AreEqual(new long[] { 2, 3, 8, 6 }, usual.Dims.ToArray());
        CollectionAssert.AreEqual(new long[] { 1, 3, 8, 4 }, given.Dims.ToArray());
    }

    private static Graph GraphOf(params (string Name, TensorType Type)[] inputs) => ModelOf(inputs).Graph;

    private static Model ModelOf(params (string Name, TensorType Type)[] inputs)
    {
        var model = new Model();
        foreach (var (name, type) in inputs)
        {
            model.Graph.AddInput(new Value(name, type));
        }

        return model;
    }

    private static List<IReadOnlyDictionary<string, NdArray>> Feeds(InputOptions options, long seed, params (string Name, TensorType Type)[] inputs)
    {
        using var model = ModelOf(inputs);
        return Feeds(InputSource.Random(model, options, seed), model.Graph);
    }

    private static List<IReadOnlyDictionary<string, NdArray>> Feeds(InputSource source, Graph graph)
    {
        var engine = new FakeEngine();
        engine.Add("m", [.. graph.Inputs.Select(input => new FunctionValue(input.Name, input.TensorType!))], [], _ => []);
        using var function = engine.Compile("m");
        return [.. Enumerable.Range(0, source.Samples).Select(sample => source.Feeds(sample, function))];
    }

    private static bool Same(NdArray left, NdArray right) => left.Data.Span.SequenceEqual(right.Data.Span);
}
