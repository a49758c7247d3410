using System.Text.Json;
using CompressTool.Diffusion.Export;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>
/// Small models of every class against PyTorch: the fixtures hold what formulas written for this purpose gave in float64, which for classes
/// that have oracles were checked against those, to 1e-14.
/// </summary>
[TestClass]
public sealed class SmallModelTests
{
    private const double Tolerance = 2e-5;

    public TestContext TestContext { get; set; } = null!;

    public static IEnumerable<object[]> Models => Directory.GetDirectories(Repository.Fixture("import")).Select(folder => new object[] { Path.GetFileName(folder) });

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Outputs_equal_PyTorch(string name)
    {
        using var model = Open(name);
        var feeds = Feeds(model, name);
        var outputs = ReferenceCheckpoint.Run(model, feeds);

        foreach (var (output, actual) in outputs)
        {
            var difference = ReferenceCheckpoint.Difference(actual, Array(name, "io", output));
            TestContext.WriteLine($"{output}: {difference:g3}");

            // A guidance of 3.5 stands for an angle of 3500, which float32 holds to 1e-4.
            Assert.IsLessThan(name == "flux" ? 1e-4 : Tolerance, difference, output);
        }

        Assert.IsTrue(model.Graph.Inputs.All(input => feeds.ContainsKey(input.Name)));
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Gradients_equal_PyTorch(string name)
    {
        using var model = Open(name);
        using var reference = JsonDocument.Parse(File.ReadAllText(Repository.Fixture("import", name, "gradients.json")));
        var feeds = Feeds(model, name);
        var graph = TrainingGraph.Create(model, new InferenceOptions { InputShapes = feeds.ToDictionary(feed => feed.Key, feed => Shape.Of(feed.Value.Dims)) });
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        feeds["target"] = NdArray.From(Tensor.Floats(output.Dims, [.. Enumerable.Range(0, (int)output.Count).Select(i => (float)Math.Cos(i))]));
        var loss = graph.Builder.AddOutput("loss", (output - graph.Builder.Input("target", DataType.Float, output.Dims)).Square().Mean());
        foreach (var (parameter, tensor) in graph.Parameters)
        {
            feeds[parameter] = NdArray.From(tensor);
        }

        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, "loss", [.. graph.Parameters.Keys]);
        var gradients = function.Run(feeds);

        Assert.AreEqual(reference.RootElement.GetProperty("loss").GetDouble(), gradients["loss"].AsSpan<float>()[0], 1e-5);
        var expected = reference.RootElement.GetProperty("gradients").EnumerateObject().ToDictionary(item => item.Name, item => item.Value);
        Assert.AreSequenceEqual(expected.Keys.Order(StringComparer.Ordinal), graph.Parameters.Keys.Order(StringComparer.Ordinal));
        foreach (var (parameter, values) in expected)
        {
            var actual = gradients[TrainingGraph.GradientPrefix + parameter].AsSpan<float>();
            var (norm, product) = (0.0, 0.0);
            for (var i = 0; i < actual.Length; i++)
            {
                norm += (double)actual[i] * actual[i];
                product += actual[i] * Math.Sin(i);
            }

            var tolerance = 1e-6 + (1e-4 * values[0].GetDouble());
            Assert.AreEqual(values[0].GetDouble(), Math.Sqrt(norm), tolerance, parameter);
            Assert.AreEqual(values[1].GetDouble(), product, tolerance * Math.Sqrt(actual.Length), parameter);
        }
    }

    [TestMethod]
    [DynamicData(nameof(Models))]
    public void Round_trip_keeps_every_bit(string name)
    {
        using var folder = new TempFolder();
        using (var imported = Open(name))
        {
            imported.Save(folder.File("model.onnx"));
        }

        using var model = Model.Load(folder.File("model.onnx"));
        var exported = DiffusersExporter.Export(model, folder.File("out"));

        Assert.IsEmpty(exported.Changes);
        var file = Path.GetFileName(exported.Files[0]);
        using var before = SafetensorsFile.Open(Repository.Fixture("import", name, file));
        using var after = SafetensorsFile.Open(exported.Files[0]);
        Assert.AreSequenceEqual(before.Names.Where(tensor => tensor != "text_model.embeddings.position_ids").Order(StringComparer.Ordinal), after.Names.Order(StringComparer.Ordinal));
        foreach (var tensor in after.Names)
        {
            Assert.AreSequenceEqual(before[tensor].ToArray<float>(), after[tensor].ToArray<float>(), tensor);
        }
    }

    [TestMethod]
    public void Transformer_over_patches_takes_another_size()
    {
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(Repository.Fixture("import", "dit")), new ImportOptions { Size = new ImageSize(4, 12) });
        var feeds = model.Graph.Inputs.ToDictionary(input => input.Name, input => Array("dit", "io_wide", input.Name));

        var output = ReferenceCheckpoint.Run(model, feeds)["out_sample"];

        Assert.IsLessThan(Tolerance, ReferenceCheckpoint.Difference(output, Array("dit", "io_wide", "out_sample")));
    }

    [TestMethod]
    public void No_arithmetic_on_shapes_is_left_when_sizes_are_fixed()
    {
        foreach (var name in Models.Select(item => (string)item[0]))
        {
            using var model = Open(name);
            Assert.IsFalse(model.Graph.Nodes.Any(node => node.OpType is "Gather" && node.Inputs[0]!.ElementType == DataType.Int64), $"{name}: a dimension is picked from a shape");
            var shapes = Feeds(model, name).ToDictionary(feed => feed.Key, feed => Shape.Of(feed.Value.Dims));
            ShapeInference.Run(model, new InferenceOptions { InputShapes = shapes });
            CompressTool.Onnx.Passes.ConstantFolding.Run(model, new InferenceOptions { InputShapes = shapes });
            Assert.IsFalse(model.Graph.Nodes.Any(node => node.OpType is "Shape" or "ConstantOfShape" or "Range" or "Expand"), name);
        }
    }

    /// <summary>Wide latents need their size at the import: positions are taken from the middle of a table.</summary>
    private static Model Open(string name) => DiffusersImporter.Import(
        DiffusersComponent.Find(Repository.Fixture("import", name)), new ImportOptions { Size = name == "sd3-wide" ? new ImageSize(4, 12) : null });

    private static Dictionary<string, NdArray> Feeds(Model model, string name) => model.Graph.Inputs.ToDictionary(input => input.Name, input => Array(name, "io", input.Name));

    private static NdArray Array(string name, string folder, string array) => NdArray.From(NpyFile.Read(Repository.Fixture("import", name, folder, array + ".npy")));
}
