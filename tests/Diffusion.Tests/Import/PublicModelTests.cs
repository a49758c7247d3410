using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Cost;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>Configurations of public models: the parameters are as many as those models have, and named and shaped as the exporter has them.</summary>
[TestClass]
public sealed class PublicModelTests
{
    [TestMethod]
    [DataRow("sd15-unet", null, 859_520_964)]
    [DataRow("sd21-unet", null, 865_910_724)]
    [DataRow("sdxl-unet", null, 2_567_463_684)]
    [DataRow("ddpm-cifar10-32-unet", null, 35_746_307)]
    [DataRow("clip-l-text", null, 123_060_480)]
    [DataRow("clip-g-text", null, 694_659_840)]
    [DataRow("flux-dev", null, 11_901_408_320)]
    [DataRow("sd3-medium", null, 2_084_951_104)]
    [DataRow("sd-vae", null, 83_653_863)]
    [DataRow("sd-vae", "encoder", 34_163_664)]
    [DataRow("sd-vae", "decoder", 49_490_199)]
    public void Parameters_are_as_many(string config, string? part, long parameters)
    {
        using var folder = new TempFolder();
        using var model = Import(folder, config, part);

        Assert.AreEqual(parameters, ModelCost.Measure(model).Parameters);
    }

    [TestMethod]
    [DataRow("sd15-unet", "sd15-unet.onnx")]
    [DataRow("ddpm-cifar10-32-unet", "ddpm-cifar10-32.onnx")]
    public void Parameters_are_those_of_the_exported_model(string config, string exported)
    {
        var path = Repository.Oracle("big", exported) ?? Repository.Fixture("big", exported);
        if (!File.Exists(path))
        {
            Assert.Inconclusive("The oracles are not here.");
        }

        using var folder = new TempFolder();
        using var model = Import(folder, config, null);
        using var other = Model.Load(path, new LoadOptions { AllowMissingWeights = true });
        var ours = model.Graph.Initializers.ToDictionary(value => value.Name, value => Text(value.Initializer!.Dims));
        var theirs = other.Graph.Initializers.Where(value => value.ElementType == DataType.Float && value.Initializer!.Dims.Count > 0).ToArray();

        // Weights of matrix products the exporter transposes and renames; their shapes remain. Columns are scales of normalisations.
        var renamed = theirs.Where(value => !ours.ContainsKey(value.Name)).ToArray();
        foreach (var value in theirs.Except(renamed))
        {
            Assert.AreEqual(Text(value.Initializer!.Dims), ours[value.Name], value.Name);
        }

        Assert.AreSequenceEqual(
            renamed.Select(value => value.Initializer!.Dims).Where(dims => dims is [_, > 1]).Select(dims => Text([dims[1], dims[0]])).Order(StringComparer.Ordinal),
            ours.Where(item => !theirs.Any(value => value.Name == item.Key) && item.Value.Count(c => c == ',') == 1).Select(item => item.Value).Order(StringComparer.Ordinal));
    }

    [TestMethod]
    public void Stable_Diffusion_XL_takes_pooled_texts_and_sizes()
    {
        using var folder = new TempFolder();
        using var model = Import(folder, "sdxl-unet", null);

        Assert.AreEqual(
            "sample [batch,4,height,width], timestep [batch], encoder_hidden_states [batch,sequence,2048], text_embeds [batch,1280], time_ids [batch,6]",
            string.Join(", ", model.Graph.Inputs.Select(input => $"{input.Name} {input.Shape}")));
        Assert.AreEqual("[batch,4,height,width]", model.Graph.Outputs[0].Shape!.ToString());
    }

    private static string Text(IEnumerable<long> dims) => string.Join(',', dims);

    private static Model Import(TempFolder folder, string config, string? part)
    {
        File.Copy(Repository.Fixture("configs", config + ".json"), folder.File("config.json"));
        return DiffusersImporter.Import(DiffusersComponent.Find(folder.Path, part));
    }
}
