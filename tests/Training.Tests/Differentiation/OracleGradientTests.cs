using System.Text.Json;
using CompressTool.Onnx;
using CompressTool.Onnx.Inference;
using CompressTool.Runtime.Engine;
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
        var folder = Repository.Oracle(model) ?? Repository.Fixture(model);
        if (!File.Exists(Path.Combine(folder, file)) || !File.Exists(Path.Combine(folder, "grads.safetensors")))
        {
            Assert.Inconclusive("The oracles are not here.");
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

    [TestMethod]
    [DataRow("14")]
    [DataRow("17")]
    public void Gradients_chain_from_one_model_into_another(string opset)
    {
        if (Repository.Oracle("autoencoder-kl") is not { } folder)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        // The reference is decode(mode(encode(x))); the mode is the first half of the moments' channels.
        using var meta = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "meta.json")));
        var grad = meta.RootElement.GetProperty("grad");
        var arrays = ReferenceModel.ReadArrays(Path.Combine(folder, "io"), "sample", "target", "latent");
        using var decoderModel = Model.Load(Path.Combine(folder, $"decoder_op{opset}.onnx"));
        using var encoderModel = Model.Load(Path.Combine(folder, $"encoder_op{opset}.onnx"));
        var decoder = TrainingGraph.Create(decoderModel);
        var output = decoder.Builder.Of(decoder.Model.Graph.Outputs[0]);
        decoder.Builder.AddOutput("loss", ReferenceModel.MeanSquaredError(output, decoder.Builder.Input("target", DataType.Float, output.Dims)));
        var encoder = TrainingGraph.Create(encoderModel);
        var moments = encoder.Builder.Of(encoder.Model.Graph.Outputs[0]);
        var mode = moments.Slice(1, 0, moments.Dims[1] / 2);
        encoder.Builder.AddOutput("product", (mode * encoder.Builder.Input("gradient", DataType.Float, mode.Dims)).Sum());

        var decoded = ReferenceModel.Run(decoder, "loss", new Dictionary<string, NdArray> { ["latent"] = arrays["latent"], ["target"] = arrays["target"] }, [.. decoder.Parameters.Keys, "latent"]);
        var encoded = ReferenceModel.Run(encoder, "product", new Dictionary<string, NdArray> { ["sample"] = arrays["sample"], ["gradient"] = decoded[TrainingGraph.GradientPrefix + "latent"] });

        Assert.AreEqual(grad.GetProperty("loss_f64").GetDouble(), decoded["loss"].AsSpan<float>()[0], 1e-5);
        using var weights = SafetensorsFile.Open(Path.Combine(folder, "diffusion_pytorch_model.safetensors"));
        using var gradients = SafetensorsFile.Open(Path.Combine(folder, "grads.safetensors"));
        var zero = grad.GetProperty("mathematically_zero").EnumerateArray().Select(name => name.GetString()!).ToArray();
        var first = ReferenceModel.Compare(decoder.Parameters, decoded, weights, gradients, zero);
        var second = ReferenceModel.Compare(encoder.Parameters, encoded, weights, gradients, zero);
        TestContext.WriteLine($"{first.Count} + {second.Count} gradients, largest relative errors {first.Error:g3} ({first.Name}), {second.Error:g3} ({second.Name})");
        Assert.AreEqual(gradients.Names.Count, first.Count + second.Count);
        Assert.IsLessThan(Tolerance, Math.Max(first.Error, second.Error));
    }
}
