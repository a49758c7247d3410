using System.Text.Json;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>A checkpoint with reference values that diffusers computed for it.</summary>
/// <param name="folder">Its folder.</param>
internal sealed class ReferenceCheckpoint(string folder)
{
    public string Folder { get; } = folder;

    /// <summary>Finds it among the oracles, or else in the fixtures; inconclusive when it is in neither.</summary>
    public static ReferenceCheckpoint Find(string name, string needed)
    {
        foreach (var folder in new[] { Repository.Oracle(name), Repository.Fixture(name) })
        {
            if (folder is not null && Path.Exists(Path.Combine(folder, needed)))
            {
                return new ReferenceCheckpoint(folder);
            }
        }

        Assert.Inconclusive("The oracles are not here.");
        return null!;
    }

    public string File(params string[] parts) => Path.Combine([Folder, .. parts]);

    public Model Import(string component, ImportOptions? options = null) => DiffusersImporter.Import(DiffusersComponent.Find(File(component)), options);

    public Dictionary<string, NdArray> Arrays(string folder, params IEnumerable<string> names) =>
        names.ToDictionary(name => name, name => NdArray.From(NpyFile.Read(File(folder, name + ".npy"))));

    /// <summary>Runs a model in ONNX Runtime.</summary>
    public static IReadOnlyDictionary<string, NdArray> Run(Model model, IReadOnlyDictionary<string, NdArray> feeds)
    {
        using var function = new OnnxRuntimeEngine().Compile(model);
        return function.Run(feeds);
    }

    /// <summary>The largest difference of two arrays of the same length.</summary>
    public static double Difference(NdArray actual, NdArray expected)
    {
        Assert.AreEqual(expected.AsSpan<float>().Length, actual.AsSpan<float>().Length);
        var worst = 0.0;
        for (var i = 0; i < actual.AsSpan<float>().Length; i++)
        {
            worst = Math.Max(worst, Math.Abs((double)actual.AsSpan<float>()[i] - expected.AsSpan<float>()[i]));
        }

        return worst;
    }

    /// <summary>Compares loss (mean squared error to the target) and the gradient of every parameter with PyTorch's.</summary>
    /// <returns>The largest relative error of a gradient, in norm, and whose it is.</returns>
    public (double Error, string Name) CompareGradients(Model model, params IReadOnlyList<string> inputs)
    {
        using var meta = JsonDocument.Parse(System.IO.File.ReadAllText(File("meta.json")));
        var reference = meta.RootElement.GetProperty("grad");
        var feeds = Arrays("io", [.. inputs, "target"]);
        var shapes = new InferenceOptions { InputShapes = inputs.ToDictionary(name => name, name => Shape.Of(feeds[name].Dims)) };
        var graph = TrainingGraph.Create(model, shapes);
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        graph.Builder.AddOutput("loss", (output - graph.Builder.Input("target", DataType.Float, output.Dims)).Square().Mean());
        foreach (var (name, tensor) in graph.Parameters)
        {
            feeds[name] = NdArray.From(tensor);
        }

        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, "loss", [.. graph.Parameters.Keys]);
        var outputs = function.Run(feeds);

        Assert.AreEqual(reference.GetProperty("loss_f64").GetDouble(), outputs["loss"].AsSpan<float>()[0], 1e-5);
        using var gradients = SafetensorsFile.Open(File("grads.safetensors"));
        Assert.AreSequenceEqual(gradients.Names.Order(StringComparer.Ordinal), graph.Parameters.Keys.Order(StringComparer.Ordinal));
        var zero = reference.GetProperty("mathematically_zero").EnumerateArray().Select(name => name.GetString()!).ToHashSet();
        var worst = (Error: 0.0, Name: "");
        foreach (var name in gradients.Names)
        {
            var expected = gradients[name].ToArray<float>();
            var actual = outputs[TrainingGraph.GradientPrefix + name].AsSpan<float>();
            var (difference, norm) = (0.0, 0.0);
            for (var i = 0; i < expected.Length; i++)
            {
                difference += Math.Pow((double)actual[i] - expected[i], 2);
                norm += Math.Pow(expected[i], 2);
            }

            if (zero.Contains(name))
            {
                Assert.IsLessThan(1e-6, Math.Sqrt(difference), name);
            }
            else if (Math.Sqrt(difference / norm) is var error && error > worst.Error)
            {
                worst = (error, name);
            }
        }

        return worst;
    }
}
