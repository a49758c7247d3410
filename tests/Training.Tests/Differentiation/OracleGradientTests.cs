using System.Text.Json;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Training.Differentiation;

namespace CompressTool.Training.Tests.Differentiation;

/// <summary>Loss and every gradient of real exported models against PyTorch's.</summary>
[TestClass]
public sealed class OracleGradientTests
{
    private const double Tolerance = 1e-4;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow("unet2d", "model_op17_dynbatch.onnx", "unet", "sample,timestep")]
    [DataRow("unet2d-cifarstyle", "model_op14.onnx", "unet", "sample,timestep")]
    [DataRow("unet2d-cifarstyle", "model_op17_nofold.onnx", "unet", "sample,timestep")]
    [DataRow("unet2d-cond", "model_op17.onnx", "unet", "sample,timestep,encoder_hidden_states")]
    [DataRow("dit", "model_op14.onnx", "transformer", "sample,timestep,class_labels")]
    [DataRow("dit", "model_op17_dynbatch.onnx", "transformer", "sample,timestep,class_labels")]
    public void Loss_and_gradients_equal_the_reference(string model, string file, string component, string inputs)
    {
        if (Repository.Oracle(model) is not { } folder)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var meta = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "meta.json")));
        var grad = meta.RootElement.GetProperty("grad");
        using var onnx = Model.Load(Path.Combine(folder, file));
        var sizes = onnx.Graph.Inputs.SelectMany(input => input.Shape!).Any(dim => dim.Symbol == "batch") ? new InferenceOptions { Bindings = new Dictionary<string, long> { ["batch"] = 2 } } : null;
        var feeds = ReferenceModel.ReadArrays(Path.Combine(folder, "io"), [.. inputs.Split(','), "target"]);
        var graph = TrainingGraph.Create(onnx, sizes);
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        var loss = ReferenceModel.MeanSquaredError(output, graph.Builder.Input("target", DataType.Float, output.Dims));
        graph.Builder.AddOutput("loss", loss);

        var outputs = ReferenceModel.Run(graph, "loss", feeds);

        Assert.AreEqual(grad.GetProperty("loss_f64").GetDouble(), outputs["loss"].AsSpan<float>()[0], 1e-5);
        using var weights = SafetensorsFile.Open(Path.Combine(folder, component, "diffusion_pytorch_model.safetensors"));
        using var gradients = SafetensorsFile.Open(Path.Combine(folder, "grads.safetensors"));
        var zero = grad.GetProperty("mathematically_zero").EnumerateArray().Select(name => name.GetString()!).ToArray();
        var (error, name, count) = ReferenceModel.Compare(graph.Parameters, outputs, weights, gradients, zero);
        TestContext.WriteLine($"{count} gradients, largest relative error {error:g3} ({name})");
        Assert.AreEqual(gradients.Names.Count, count);
        Assert.IsLessThan(Tolerance, error, name);
    }
}
