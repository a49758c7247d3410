using CompressTool.Diffusion.Import;
using CompressTool.Onnx;

namespace CompressTool.Compression.Tests.Pruning.Blocks;

/// <summary>Models with blocks.</summary>
internal static class BlockModels
{
    /// <summary>A U-Net as Stable Diffusion has it, with fresh weights, three levels and 16 x 16 latents.</summary>
    /// <param name="layers">Parts of each level.</param>
    /// <param name="levels">2 or 3.</param>
    /// <param name="middle">Whether it has a middle.</param>
    public static Model UNet(int layers, int levels = 3, bool middle = true)
    {
        using var folder = new TempFolder();
        folder.Write("config.json", $$"""
            {
              "_class_name": "UNet2DConditionModel", "sample_size": 16, "in_channels": 4, "out_channels": 4, "layers_per_block": {{layers}},
              "block_out_channels": [{{(levels == 3 ? "16, 32, 32" : "16, 32")}}], "norm_num_groups": 8, "attention_head_dim": 2, "cross_attention_dim": 12,
              "down_block_types": [{{(levels == 3 ? "\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\", \"DownBlock2D\"" : "\"CrossAttnDownBlock2D\", \"CrossAttnDownBlock2D\"")}}],
              "up_block_types": [{{(levels == 3 ? "\"UpBlock2D\", \"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\"" : "\"CrossAttnUpBlock2D\", \"CrossAttnUpBlock2D\"")}}],
              "mid_block_type": {{(middle ? "\"UNetMidBlock2DCrossAttn\"" : "null")}}
            }
            """);
        return Import(folder.Path);
    }

    /// <summary>Imports a configuration with fresh weights, which are computed when they are read.</summary>
    public static Model Import(string folder) => DiffusersImporter.Import(DiffusersComponent.Find(folder), new ImportOptions { InitSeed = 1 });

    /// <summary>Imports one of the configurations of tests/fixtures/configs, which depends on no weights.</summary>
    public static Model Configured(string name)
    {
        using var folder = new TempFolder();
        File.Copy(Repository.Fixture("configs", name + ".json"), folder.File("config.json"));
        return Import(folder.Path);
    }

    /// <summary>Feeds for the U-Net, of the same numbers every time.</summary>
    public static Dictionary<string, Tensor> Feeds(int batch = 2) => new()
    {
        ["sample"] = Noise(1, batch, 4, 16, 16),
        ["timestep"] = Tensor.Int64s([.. Enumerable.Range(0, batch).Select(index => (long)(17 + (400 * index)))]),
        ["encoder_hidden_states"] = Noise(2, batch, 5, 12),
    };

    /// <summary>Numbers of a normal distribution.</summary>
    public static Tensor Noise(int seed, params long[] dims)
    {
        var random = new Random(seed);
        return Tensor.Floats(dims, [.. Enumerable.Range(0, (int)dims.Aggregate(1L, (count, dim) => count * dim))
            .Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())))]);
    }
}
