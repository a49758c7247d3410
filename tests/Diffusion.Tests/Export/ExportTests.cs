using CompressTool.Diffusion.Export;
using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Tests.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Diffusion.Tests.Export;

/// <summary>Imported models written as folders again.</summary>
[TestClass]
public sealed class ExportTests
{
    [TestMethod]
    [DataRow("unet2d-cifarstyle", "unet")]
    [DataRow("unet2d-cifarstyle", "unet-deprecated-names")]
    [DataRow("unet2d", "unet")]
    [DataRow("unet2d-cond", "unet")]
    [DataRow("fashion-ddpm", "unet")]
    [DataRow("autoencoder-kl", "")]
    [DataRow("dit", "transformer")]
    public void Round_trip_keeps_every_bit(string name, string component)
    {
        var reference = ReferenceCheckpoint.Find(name, Path.Combine(component, "config.json"));
        using var folder = new TempFolder();
        Save(reference, component, folder.File("model.onnx"));
        using var model = Model.Load(folder.File("model.onnx"));

        var exported = DiffusersExporter.Export(model, folder.File("out"));

        Assert.IsEmpty(exported.Changes);
        var present = component == "unet-deprecated-names" ? "unet" : component;
        using var before = SafetensorsFile.Open(reference.File(present, "diffusion_pytorch_model.safetensors"));
        using var after = SafetensorsFile.Open(folder.File("out", "diffusion_pytorch_model.safetensors"));
        Assert.AreSequenceEqual(before.Names.Order(StringComparer.Ordinal), after.Names.Order(StringComparer.Ordinal));
        foreach (var tensor in before.Names)
        {
            Assert.AreSequenceEqual(before[tensor].Dims, after[tensor].Dims, tensor);
            Assert.AreSequenceEqual(before[tensor].ToArray<float>(), after[tensor].ToArray<float>(), tensor);
        }

        Assert.AreEqual("pt", after.Metadata["format"], "diffusers asks for it");
        Assert.AreEqual(File.ReadAllText(reference.File(component, "config.json")).Trim(), File.ReadAllText(folder.File("out", "config.json")).Trim());
    }

    [TestMethod]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    public void Weights_that_have_not_changed_keep_their_type(DataType type)
    {
        using var folder = new TempFolder();
        using var original = SafetensorsFile.Open(Repository.Fixture("unet2d-cifarstyle", "unet", "diffusion_pytorch_model.safetensors"));
        File.Copy(Repository.Fixture("unet2d-cifarstyle", "unet", "config.json"), folder.File("in", "config.json"));
        SafetensorsFile.Write(folder.File("in", "diffusion_pytorch_model.safetensors"), original.Names.Select(name => KeyValuePair.Create(name, name.Contains("norm") ? original[name] : Rounded(original[name], type))));
        using var imported = DiffusersImporter.Import(DiffusersComponent.Find(folder.File("in")));
        imported.Save(folder.File("model.onnx"));
        using var model = Model.Load(folder.File("model.onnx"));
        var changed = model.Graph.Initializers.Single(value => value.Name == "conv_in.weight");
        Graph.ReplaceInitializer(changed, Tensor.Floats(changed.Initializer!.Dims, [.. changed.Initializer.ToFloats().Select(x => x * 1.001f)]));

        DiffusersExporter.Export(model, folder.File("out"));

        using var before = SafetensorsFile.Open(folder.File("in", "diffusion_pytorch_model.safetensors"));
        using var after = SafetensorsFile.Open(folder.File("out", "diffusion_pytorch_model.safetensors"));
        foreach (var name in before.Names)
        {
            if (name == "conv_in.weight")
            {
                Assert.AreEqual(DataType.Float, after[name].Type, "It holds numbers that the other type does not have.");
            }
            else
            {
                Assert.AreEqual(before[name].Type, after[name].Type, name);
                Assert.AreSequenceEqual(before[name].ToFloats(), after[name].ToFloats(), name);
            }
        }
    }

    /// <summary>A transformer block is skipped: what came out of it comes out of the one before.</summary>
    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    public void Removed_block_changes_the_configuration(int removed)
    {
        var reference = ReferenceCheckpoint.Find("dit", "transformer");
        using var folder = new TempFolder();
        Save(reference, "transformer", folder.File("model.onnx"));
        using var model = Model.Load(folder.File("model.onnx"));
        var (first, last) = (End(model, 0), End(model, 1));
        if (removed == 1)
        {
            last.ReplaceAllUses(first);
        }
        else
        {
            // The first block's embedding of timestep and class goes on to the output; the second one's takes its place.
            var embedded = model.Graph.FindValue("transformer_blocks.0.norm1.emb/Add")!;
            embedded.ReplaceAllUses(model.Graph.FindValue("transformer_blocks.1.norm1.emb/Add")!);
            first.ReplaceAllUses(model.Graph.FindValue("pos_embed/Add")!);
            model.Graph.SortTopologically();
        }

        model.Graph.RemoveUnused();

        var exported = DiffusersExporter.Export(model, folder.File("out"));

        Assert.AreEqual("num_layers: 1", string.Join(", ", exported.Changes.Select(change => $"{change.Key}: {change.Value}")));
        var feeds = reference.Arrays("io", "sample", "timestep", "class_labels");
        using var again = DiffusersImporter.Import(DiffusersComponent.Find(folder.File("out")));
        Assert.AreEqual(0, ReferenceCheckpoint.Difference(ReferenceCheckpoint.Run(again, feeds)["out_sample"], ReferenceCheckpoint.Run(model, feeds)["out_sample"]), 1e-6);
        using var weights = SafetensorsFile.Open(folder.File("out", "diffusion_pytorch_model.safetensors"));
        Assert.IsTrue(weights.Names.All(name => !name.StartsWith("transformer_blocks.1", StringComparison.Ordinal)), "The blocks are numbered anew.");
    }

    [TestMethod]
    public void Removed_middle_changes_the_configuration()
    {
        var reference = ReferenceCheckpoint.Find("unet2d-cifarstyle", "unet");
        using var folder = new TempFolder();
        Save(reference, "unet", folder.File("model.onnx"));
        using var model = Model.Load(folder.File("model.onnx"));
        model.Graph.FindValue("mid_block.resnets.1/Add_1")!.ReplaceAllUses(model.Graph.FindValue("down_blocks.1.attentions.0/Add")!);
        model.Graph.RemoveUnused();

        var exported = DiffusersExporter.Export(model, folder.File("out"));

        Assert.AreEqual("mid_block_type: null", string.Join(", ", exported.Changes.Select(change => $"{change.Key}: {change.Value}")));
        var feeds = reference.Arrays("io", "sample", "timestep");
        using var again = DiffusersImporter.Import(DiffusersComponent.Find(folder.File("out")));
        Assert.IsLessThan(1e-6, ReferenceCheckpoint.Difference(ReferenceCheckpoint.Run(again, feeds)["out_sample"], ReferenceCheckpoint.Run(model, feeds)["out_sample"]));
    }

    /// <summary>A pair of residual block and transformer leaves on the way down, and the one that took what it left on the way up.</summary>
    [TestMethod]
    public void Removed_pair_of_layers_changes_the_configuration()
    {
        using var folder = new TempFolder();
        folder.Write("in/config.json", """
            {
              "_class_name": "UNet2DConditionModel", "block_out_channels": [8, 16], "norm_num_groups": 4, "layers_per_block": 2, "cross_attention_dim": 8, "attention_head_dim": 2,
              "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"], "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]
            }
            """);
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(folder.File("in")));
        model.Graph.FindValue("down_blocks.0.attentions.0/Add")!.ReplaceAllUses(model.Graph.FindValue("conv_in/Conv")!);
        model.Graph.FindValue("up_blocks.1.attentions.1/Add")!.ReplaceAllUses(model.Graph.FindValue("up_blocks.1.attentions.0/Add")!);
        model.Graph.RemoveUnused();

        var exported = DiffusersExporter.Export(model, folder.File("out"));

        Assert.AreEqual("layers_per_block: [1,2]", string.Join(", ", exported.Changes.Select(change => $"{change.Key}: {change.Value}")));
        var feeds = new Dictionary<string, NdArray>
        {
            ["sample"] = NdArray.From(Tensor.Floats([1, 4, 8, 8], [.. Enumerable.Range(0, 256).Select(i => MathF.Sin(i))])),
            ["timestep"] = NdArray.From(Tensor.Int64s(7)),
            ["encoder_hidden_states"] = NdArray.From(Tensor.Floats([1, 3, 8], [.. Enumerable.Range(0, 24).Select(i => MathF.Cos(i))])),
        };
        using var again = DiffusersImporter.Import(DiffusersComponent.Find(folder.File("out")));
        Assert.IsLessThan(1e-6, ReferenceCheckpoint.Difference(ReferenceCheckpoint.Run(again, feeds)["out_sample"], ReferenceCheckpoint.Run(model, feeds)["out_sample"]));
        using var weights = SafetensorsFile.Open(folder.File("out", "diffusion_pytorch_model.safetensors"));
        Assert.AreSequenceEqual(model.Graph.Initializers.Single(value => value.Name == "down_blocks.0.resnets.1.conv1.weight").Initializer!.ToFloats(), weights["down_blocks.0.resnets.0.conv1.weight"].ToFloats());
    }

    [TestMethod]
    public void What_has_no_form_is_said()
    {
        using var folder = new TempFolder();
        Save(ReferenceCheckpoint.Find("unet2d-cifarstyle", "unet"), "unet", folder.File("model.onnx"));

        Refused(folder, model => model.Metadata.Clear(), "does not come from a diffusers folder");
        Refused(folder, model =>
        {
            var bias = model.Graph.Initializers.Single(value => value.Name == "conv_norm_out.bias");
            Graph.ReplaceInitializer(bias, Tensor.Floats([15], new float[15]));
        }, "'conv_norm_out.bias' is float32[15], where [16] is expected");
        Refused(folder, model =>
        {
            var node = model.Graph.Nodes.Single(candidate => candidate.Name == "conv_out/Conv");
            node.SetAttribute(Attribute.Ints("pads", 0, 0, 2, 2));
        }, "has other settings than 'conv_out/Conv'");
        Refused(folder, model =>
        {
            var node = model.Graph.Nodes.Single(candidate => candidate.Name == "conv_out/Conv");
            node.SetInput(0, model.Graph.AddNode(node, "Relu", "extra", [node.Inputs[0]], node.Inputs[0]!.Type));
        }, "Relu ('extra') stands where Mul");
    }

    [TestMethod]
    public void A_half_of_an_autoencoder_is_no_checkpoint()
    {
        var reference = ReferenceCheckpoint.Find("autoencoder-kl", "config.json");
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(reference.Folder, "decoder"));
        using var folder = new TempFolder();

        var error = Assert.ThrowsExactly<CompressToolException>(() => DiffusersExporter.Export(model, folder.File("out")));

        Assert.Contains("the decoder of an AutoencoderKL alone", error.Message);
    }

    private static Value End(Model model, int block) =>
        model.Graph.Nodes.Last(node => node.Name.StartsWith($"transformer_blocks.{block}/Add", StringComparison.Ordinal)).Outputs[0]!;

    private static void Refused(TempFolder folder, Action<Model> change, string message)
    {
        using var model = Model.Load(folder.File("model.onnx"));
        change(model);

        var error = Assert.ThrowsExactly<CompressToolException>(() => DiffusersExporter.Export(model, folder.File("out")));

        Assert.AreEqual("CMP8011", error.Code.Id);
        Assert.Contains(message, error.Message);
        Assert.IsFalse(File.Exists(Path.Combine(folder.Path, "out", "config.json")));
    }

    private static void Save(ReferenceCheckpoint reference, string component, string path)
    {
        using var model = reference.Import(component);
        model.Save(path);
    }

    private static Tensor Rounded(Tensor tensor, DataType type) => type == DataType.Float16
        ? Tensor.Create<Half>(type, tensor.Dims, [.. tensor.ToFloats().Select(x => (Half)x)])
        : Tensor.Create<ushort>(type, tensor.Dims, [.. tensor.ToFloats().Select(x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16))]);
}
