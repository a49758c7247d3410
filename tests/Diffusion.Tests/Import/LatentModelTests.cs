using CompressTool.Diffusion.Import;
using CompressTool.Onnx;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>Models of latent diffusion against what diffusers computes with the same checkpoint.</summary>
[TestClass]
public sealed class LatentModelTests
{
    private const double Tolerance = 1e-4;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow("unet2d-cond", "unet", "io", "model_op17.onnx", "sample,timestep,encoder_hidden_states")]
    [DataRow("dit", "transformer", "io", "model_op14.onnx", "sample,timestep,class_labels")]
    [DataRow("dit", "transformer", "io_b3", "model_op17_dynbatch.onnx", "sample,timestep,class_labels")]
    public void Outputs_equal_diffusers_and_the_exported_model(string name, string component, string data, string exported, string inputs)
    {
        var reference = ReferenceCheckpoint.Find(name, component);
        var feeds = reference.Arrays(data, inputs.Split(','));
        using var model = reference.Import(component);
        using var other = Model.Load(reference.File(exported));

        var output = ReferenceCheckpoint.Run(model, feeds)["out_sample"];

        var (toReference, toExport) = (ReferenceCheckpoint.Difference(output, reference.Arrays(data, "out_sample")["out_sample"]), ReferenceCheckpoint.Difference(output, ReferenceCheckpoint.Run(other, feeds)["out_sample"]));
        TestContext.WriteLine($"largest difference to diffusers {toReference:g3}, to the exported model {toExport:g3}");
        Assert.IsLessThan(Tolerance, toReference);
        Assert.IsLessThan(Tolerance, toExport);
    }

    [TestMethod]
    [DataRow("unet2d-cond", "unet", "sample,timestep,encoder_hidden_states")]
    [DataRow("dit", "transformer", "sample,timestep,class_labels")]
    [DataRow("autoencoder-kl", "", "sample")]
    public void Gradients_equal_PyTorch(string name, string component, string inputs)
    {
        var reference = ReferenceCheckpoint.Find(name, "grads.safetensors");
        using var model = reference.Import(component);

        var (error, worst) = reference.CompareGradients(model, inputs.Split(','));

        TestContext.WriteLine($"largest relative error {error:g3} ({worst})");
        Assert.IsLessThan(Tolerance, error, worst);
    }

    [TestMethod]
    [DataRow("encoder", "sample", "moments", "encoder_op17.onnx")]
    [DataRow("decoder", "latent", "out_sample", "decoder_op17.onnx")]
    [DataRow(null, "sample", "out_sample", null)]
    public void Autoencoder_and_its_parts_equal_diffusers(string? part, string input, string output, string? exported)
    {
        var reference = ReferenceCheckpoint.Find("autoencoder-kl", "config.json");
        var feeds = reference.Arrays("io", input);
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(reference.Folder, part));

        var actual = ReferenceCheckpoint.Run(model, feeds)[output];

        Assert.IsLessThan(Tolerance, ReferenceCheckpoint.Difference(actual, reference.Arrays("io", output)[output]));
        if (exported is not null)
        {
            using var other = Model.Load(reference.File(exported));
            Assert.IsLessThan(Tolerance, ReferenceCheckpoint.Difference(actual, ReferenceCheckpoint.Run(other, feeds).Values.Single()));
        }
    }
}
