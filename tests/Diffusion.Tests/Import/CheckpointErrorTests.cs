using System.Text.Json.Nodes;
using CompressTool.Diffusion.Import;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>What is wrong with a folder is said with its place and the way out.</summary>
[TestClass]
public sealed class CheckpointErrorTests
{
    private readonly string _fixture = Repository.Fixture("unet2d-cifarstyle", "unet");

    [TestMethod]
    [DataRow("norm_num_group", "4", "CMP8004", "did you mean 'norm_num_groups'?")]
    [DataRow("_class_name", "\"UNet2DModell\"", "CMP8003", "did you mean 'UNet2DModel'?")]
    [DataRow("_class_name", "null", "CMP8005", "_class_name")]
    [DataRow("in_channels", "\"three\"", "CMP8005", "in_channels is \"three\", not a whole number")]
    [DataRow("block_out_channels", "[16, true]", "CMP8005", "not a list, each item a whole number")]
    [DataRow("norm_eps", "null", "CMP8005", "norm_eps is null, not a number")]
    [DataRow("down_block_types", "[\"DownBlock2D\", \"SkipDownBlock2D\"]", "CMP8005", "down_block_types \"SkipDownBlock2D\" is not supported; supported: DownBlock2D, AttnDownBlock2D")]
    [DataRow("up_block_types", "[\"UpBlock2D\"]", "CMP8005", "same length")]
    [DataRow("norm_num_groups", "5", "CMP8005", "norm_num_groups 5 does not divide the 16 channels")]
    [DataRow("time_embedding_type", "\"cosine\"", "CMP8005", "supported: positional, fourier, learned")]
    [DataRow("out_channels", "4", "CMP8009", "'conv_out.weight'")]
    [DataRow("layers_per_block", "2", "CMP8008", "has no tensor 'down_blocks.0.resnets.1.norm1.weight'")]
    [DataRow("add_attention", "false", "CMP8010", "has 10 tensors that config.json has no place for: mid_block.attentions.0.group_norm.bias")]
    public void Configurations(string key, string value, string code, string message)
    {
        using var folder = Copy();
        Change(folder, key, value);

        Refused(() => Import(folder), code, message);
    }

    [TestMethod]
    public void Pickled_weights_are_refused_with_the_way_out()
    {
        using var folder = Copy();
        File.Move(folder.File("diffusion_pytorch_model.safetensors"), folder.File("diffusion_pytorch_model.bin"));

        Refused(() => Import(folder), "CMP8006", "can execute code");
        Refused(() => DiffusersComponent.Find(folder.File("diffusion_pytorch_model.bin")), "CMP8006", ".safetensors");
    }

    [TestMethod]
    public void Pickled_weights_beside_safetensors_do_not_matter()
    {
        using var folder = Copy();
        folder.Write("diffusion_pytorch_model.bin", "");

        using var model = Import(folder);

        Assert.HasCount(2, model.Graph.Inputs);
    }

    [TestMethod]
    public void Parts_need_their_index_and_the_index_its_parts()
    {
        using var folder = Copy();
        File.Move(folder.File("diffusion_pytorch_model.safetensors"), folder.File("diffusion_pytorch_model-00001-of-00002.safetensors"));
        Refused(() => Import(folder), "CMP8007", "no index");
        folder.Write("diffusion_pytorch_model.safetensors.index.json", """{"weight_map":{"a":"diffusion_pytorch_model-00001-of-00002.safetensors","b":"diffusion_pytorch_model-00002-of-00002.safetensors"}}""");
        Refused(() => Import(folder), "CMP8007", "00002-of-00002.safetensors', which");
        folder.Write("diffusion_pytorch_model.safetensors.index.json", """{"weight_map":{"a":"../model.safetensors"}}""");
        Refused(() => Import(folder), "CMP8005", "not a .safetensors file beside it");
        folder.Write("diffusion_pytorch_model.safetensors.index.json", """{"weight_map":{"a":"diffusion_pytorch_model-00001-of-00002.safetensors"}}""");
        Refused(() => Import(folder), "CMP8008", "names the tensor 'a'");
        folder.Write("diffusion_pytorch_model.safetensors.index.json", """{"weight_map":{"a":"model.bin"}}""");
        Refused(() => Import(folder), "CMP8006", "model.bin");
        folder.Write("diffusion_pytorch_model.safetensors.index.json", "[");
        Refused(() => Import(folder), "CMP8005", "damaged");
    }

    [TestMethod]
    public void Folders()
    {
        using var folder = new TempFolder();
        Refused(() => DiffusersComponent.Find(folder.File("none")), "CMP2001", "does not exist");
        Refused(() => DiffusersComponent.Find(folder.Path), "CMP8001", "neither model_index.json nor config.json");
        folder.Write("model_index.json", "{}");
        Refused(() => DiffusersComponent.Find(folder.Path), "CMP8002", "has no model");
        Directory.CreateDirectory(folder.File("unet", "x"));
        folder.Write("unet/config.json", """{"_class_name":"UNet2DModel"}""");
        Assert.AreEqual("unet", DiffusersComponent.Find(folder.Path).Name);
        Assert.AreEqual("unet", DiffusersComponent.Find(folder.Path + "#unet").Name);
        Refused(() => DiffusersComponent.Find(folder.Path + "#unett"), "CMP8002", "did you mean 'unet'?");
        Refused(() => DiffusersComponent.Find(folder.Path, ".."), "CMP8002", "no component '..'");
        Refused(() => DiffusersImporter.Import(DiffusersComponent.Find(folder.File("unet"), "decoder")), "CMP8002", "has no part 'decoder'");
        Refused(() => DiffusersImporter.Import(DiffusersComponent.Find(folder.Path + "#unet.decoder")), "CMP8002", "has no part 'decoder'");
        folder.Write("unet/config.json", "[]");
        Refused(() => DiffusersComponent.Find(folder.Path), "CMP8005", "no JSON object");
    }

    /// <summary>Parts and half precision give the same graph: the fixture rounded to each type and cut in two.</summary>
    [TestMethod]
    [DataRow(DataType.Float16)]
    [DataRow(DataType.BFloat16)]
    [DataRow(DataType.Double)]
    public void Parts_of_any_floating_point_type_are_read(DataType type)
    {
        using var folder = Copy();
        using var original = SafetensorsFile.Open(Path.Combine(_fixture, "diffusion_pytorch_model.safetensors"));
        var tensors = original.Names.ToDictionary(name => name, name => Rounded(original[name], type));
        File.Delete(folder.File("diffusion_pytorch_model.safetensors"));
        var map = new JsonObject();
        foreach (var (part, names) in original.Names.Chunk(50).Index())
        {
            var file = $"diffusion_pytorch_model-0000{part + 1}-of-00002.safetensors";
            SafetensorsFile.Write(folder.File(file), names.Select(name => KeyValuePair.Create(name, tensors[name])));
            Array.ForEach(names, name => map[name] = file);
        }

        folder.Write("diffusion_pytorch_model.safetensors.index.json", new JsonObject { ["metadata"] = new JsonObject(), ["weight_map"] = map }.ToJsonString());

        using var model = Import(folder);

        foreach (var value in model.Graph.Initializers)
        {
            Assert.AreSequenceEqual(tensors[value.Name].ToFloats(), value.Initializer!.ToFloats(), value.Name);
        }
    }

    private static Tensor Rounded(Tensor tensor, DataType type) => type switch
    {
        DataType.Float16 => Tensor.Create<Half>(type, tensor.Dims, [.. tensor.ToFloats().Select(x => (Half)x)]),
        DataType.BFloat16 => Tensor.Create<ushort>(type, tensor.Dims, [.. tensor.ToFloats().Select(x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16))]),
        _ => Tensor.Create<double>(type, tensor.Dims, [.. tensor.ToFloats().Select(x => (double)x)]),
    };

    private static Model Import(TempFolder folder) => DiffusersImporter.Import(DiffusersComponent.Find(folder.Path));

    private static void Refused(Action action, string code, string message)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(action);
        Assert.AreEqual(code, error.Code.Id, error.Message);
        Assert.Contains(message, error.Message);
    }

    private static void Change(TempFolder folder, string key, string value)
    {
        var config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
        config[key] = JsonNode.Parse(value);
        folder.Write("config.json", config.ToJsonString());
    }

    private TempFolder Copy()
    {
        var folder = new TempFolder();
        foreach (var file in Directory.GetFiles(_fixture))
        {
            File.Copy(file, folder.File(Path.GetFileName(file)));
        }

        return folder;
    }
}
