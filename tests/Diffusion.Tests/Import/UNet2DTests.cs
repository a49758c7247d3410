using CompressTool.Onnx;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>U-Nets for images against what diffusers computes with the same checkpoint.</summary>
[TestClass]
public sealed class UNet2DTests
{
    private const double Tolerance = 1e-4;

    public TestContext TestContext { get; set; } = null!;

    [TestMethod]
    [DataRow("unet2d-cifarstyle", "unet", "io", "model_op14.onnx")]
    [DataRow("unet2d", "unet", "io", "model_op17_dynbatch.onnx")]
    [DataRow("unet2d", "unet", "io_b3", "model_op17_dynbatch.onnx")]
    [DataRow("unet2d-cifarstyle", "unet-deprecated-names", "io", "model_op17_nofold.onnx")]
    [DataRow("fashion-ddpm", "unet", "io", "model_op17.onnx")]
    public void Outputs_equal_diffusers_and_the_exported_model(string name, string component, string data, string exported)
    {
        var reference = ReferenceCheckpoint.Find(name, component);
        var feeds = reference.Arrays(data, "sample", "timestep");
        using var model = reference.Import(component);
        using var other = Model.Load(reference.File(exported));

        var output = ReferenceCheckpoint.Run(model, feeds)["out_sample"];

        var (toReference, toExport) = (ReferenceCheckpoint.Difference(output, reference.Arrays(data, "out_sample")["out_sample"]), ReferenceCheckpoint.Difference(output, ReferenceCheckpoint.Run(other, feeds)["out_sample"]));
        TestContext.WriteLine($"largest difference to diffusers {toReference:g3}, to the exported model {toExport:g3}");
        Assert.IsLessThan(Tolerance, toReference);
        Assert.IsLessThan(Tolerance, toExport);
    }

    [TestMethod]
    [DataRow("unet2d-cifarstyle")]
    [DataRow("unet2d")]
    public void Gradients_equal_PyTorch(string name)
    {
        var reference = ReferenceCheckpoint.Find(name, "grads.safetensors");
        using var model = reference.Import("unet");

        var (error, worst) = reference.CompareGradients(model, "sample", "timestep");

        TestContext.WriteLine($"largest relative error {error:g3} ({worst})");
        Assert.IsLessThan(Tolerance, error, worst);
    }

    [TestMethod]
    public void Initializers_are_the_state_dict_and_nodes_have_their_place()
    {
        using var model = ReferenceCheckpoint.Find("unet2d-cifarstyle", "unet").Import("unet");
        using var weights = SafetensorsFile.Open(Repository.Fixture("unet2d-cifarstyle", "unet", "diffusion_pytorch_model.safetensors"));

        Assert.AreSequenceEqual(weights.Names.Order(StringComparer.Ordinal), model.Graph.Initializers.Select(value => value.Name).Order(StringComparer.Ordinal));
        Assert.AreEqual("Conv", model.Graph.Nodes.Single(node => node.Name == "down_blocks.0.resnets.0.conv1/Conv").OpType);
        Assert.AreEqual("[batch,3,height,width]", model.Graph.Inputs[0].Shape!.ToString());
        Assert.AreEqual("[batch,3,height,width]", model.Graph.Outputs[0].Shape!.ToString());
        Assert.AreEqual("height=16, width=16", string.Join(", ", UsualDims.Of(model).Select(pair => $"{pair.Key}={pair.Value}")));
        Assert.IsTrue(model.Graph.Initializers.All(value => value.Initializer!.Data is FileData), "The weights stay in their file.");
    }
}
