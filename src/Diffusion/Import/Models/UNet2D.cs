using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// UNet2DModel: the U-Net of DDPM (Ho et al. 2020) and its kin, for images without text. Inputs: sample [batch, channels, height,
/// width], timestep [batch], class_labels where the model is conditioned on classes. Output: out_sample.
/// </summary>
internal static class UNet2D
{
    private static readonly string[] s_downBlocks = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"];
    private static readonly string[] s_upBlocks = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"];

    /// <summary>Builds the graph.</summary>
    public static void Build(Module m, ConfigFile file)
    {
        var c = file.Bind<UNet2DConfig>();
        Check(c, file);
        var b = m.Builder;
        var isFourier = c.TimeEmbeddingType == "fourier";
        var sample = m.ImageInput("sample", c.InChannels);
        var timestep = b.Input("timestep", isFourier ? DataType.Float : DataType.Int64, new Shape(new Dim("batch")));
        var time = Time(m, timestep, c);
        var options = new ResnetOptions(c.NormNumGroups, c.NormEps, c.ActFn, c.ResnetTimeScaleShift == "scale_shift");
        var x = m["conv_in"].Conv2d(c.CenterInputSample ? (2 * sample) - 1 : sample, c.BlockOutChannels[0]);
        var skips = new Stack<Expr>([x]);
        var last = c.BlockOutChannels.Count - 1;
        for (var i = 0; i <= last; i++)
        {
            var (type, level) = (c.DownBlockTypes[i], Level(c, i, c.DownBlockTypes[i], time, options));
            x = m["down_blocks"][i].Down(x, i == last ? level : level with { Sampler = Downsampler(c, type, level) }, skips);
        }

        x = c.MidBlockType is null ? x : m["mid_block"].Middle(x, MiddleLevel(c, time, options));
        for (var i = 0; i <= last; i++)
        {
            var (type, level) = (c.UpBlockTypes[i], Level(c, last - i, c.UpBlockTypes[i], time, options));
            x = m["up_blocks"][i].Up(x, i == last ? level : level with { Sampler = Upsampler(c, type, level) }, skips);
        }

        x = m["conv_out"].Conv2d(m["conv_norm_out"].GroupNorm(x, c.NormNumGroups, c.NormEps).Silu(), c.OutChannels);
        b.AddOutput("out_sample", isFourier ? x / timestep.View(-1, 1, 1, 1) : x);
    }

    private static void Check(UNet2DConfig c, ConfigFile file)
    {
        file.Require("time_embedding_type", c.TimeEmbeddingType, "positional", "fourier", "learned");
        file.Require("act_fn", c.ActFn.ToLowerInvariant(), BasicLayers.Activations);
        file.Require("resnet_time_scale_shift", c.ResnetTimeScaleShift, "default", "scale_shift");
        file.Require("downsample_type", c.DownsampleType, "conv", "resnet");
        file.Require("upsample_type", c.UpsampleType, "conv", "resnet");
        file.Require("class_embed_type", c.ClassEmbedType ?? "null", "null", "timestep", "identity");
        file.Require("mid_block_type", c.MidBlockType ?? "null", "null", "UNetMidBlock2D");
        file.Check(c.BlockOutChannels.Count > 0 && c.DownBlockTypes.Count == c.BlockOutChannels.Count && c.UpBlockTypes.Count == c.BlockOutChannels.Count,
            "block_out_channels, down_block_types and up_block_types must be lists of the same length");
        file.Check(c.TimeEmbeddingType != "learned" || c.NumTrainTimesteps is not null, "time_embedding_type \"learned\" needs num_train_timesteps");
        foreach (var (types, key, known) in new[] { (c.DownBlockTypes, "down_block_types", s_downBlocks), (c.UpBlockTypes, "up_block_types", s_upBlocks) })
        {
            foreach (var type in types)
            {
                file.Require(key, type, known);
            }
        }

        foreach (var channels in c.BlockOutChannels)
        {
            file.Check(channels > 0 && c.NormNumGroups > 0 && channels % c.NormNumGroups == 0, $"norm_num_groups {c.NormNumGroups} does not divide the {channels} channels of a block");
            file.Check(c.AttentionHeadDim is not { } size || (size > 0 && channels >= size && channels % size == 0), $"attention_head_dim {c.AttentionHeadDim} does not divide the {channels} channels of a block");
        }
    }

    private static TimeEmbedding Time(Module m, Expr timestep, UNet2DConfig c)
    {
        var first = c.BlockOutChannels[0];
        var channels = c.TimeEmbeddingDim ?? (4 * first);
        var embedding = m["time_embedding"].TimestepMlp(Project(timestep), channels);
        if (c.ClassEmbedType is not null || c.NumClassEmbeds is not null)
        {
            var labels = c.ClassEmbedType == "identity"
                ? m.Builder.Input("class_labels", DataType.Float, new Shape(new Dim("batch"), channels))
                : m.Builder.Input("class_labels", c.ClassEmbedType is null ? DataType.Int64 : timestep.Type, new Shape(new Dim("batch")));
            embedding += c.ClassEmbedType switch
            {
                "identity" => labels,
                "timestep" => m["class_embedding"].TimestepMlp(Project(labels), channels),
                _ => m["class_embedding"].Embedding(labels, c.NumClassEmbeds!.Value, channels),
            };
        }

        using var scope = m["time_embedding"].Enter();
        return new TimeEmbedding(embedding, embedding.Activation(c.ActFn));

        Expr Project(Expr x)
        {
            using var scope = m["time_proj"].Enter();
            return c.TimeEmbeddingType switch
            {
                "fourier" => m["time_proj"].Fourier(x, first, 16),
                "learned" => m["time_proj"].Embedding(x, c.NumTrainTimesteps!.Value, first),
                _ => TimestepEmbeddings.Sinusoids(x, first, c.FlipSinToCos, c.FreqShift),
            };
        }
    }

    private static LevelOptions Level(UNet2DConfig c, int level, string type, TimeEmbedding time, ResnetOptions options)
    {
        var channels = c.BlockOutChannels[level];
        return new LevelOptions(channels, c.LayersPerBlock, time, options)
        {
            Attention = type.StartsWith("Attn", StringComparison.Ordinal)
                ? (place, x, _) => place.ImageAttention(x, c.AttentionHeadDim ?? channels, c.NormNumGroups, c.NormEps, 1) : null,
        };
    }

    private static Func<Module, Expr, Expr> Downsampler(UNet2DConfig c, string type, LevelOptions level) =>
        type == "ResnetDownsampleBlock2D" || (type == "AttnDownBlock2D" && c.DownsampleType == "resnet")
            ? (place, x) => place.Resnet(x, level.Channels, level.Time, level.Resnet, Resampling.Down)
            : (place, x) => place.Downsample(x, level.Channels, c.DownsamplePadding);

    private static Func<Module, Expr, Expr> Upsampler(UNet2DConfig c, string type, LevelOptions level) =>
        type == "ResnetUpsampleBlock2D" || (type == "AttnUpBlock2D" && c.UpsampleType == "resnet")
            ? (place, x) => place.Resnet(x, level.Channels, level.Time, level.Resnet, Resampling.Up)
            : (place, x) => place.Upsample(x, level.Channels);

    private static LevelOptions MiddleLevel(UNet2DConfig c, TimeEmbedding time, ResnetOptions options)
    {
        var channels = c.BlockOutChannels[^1];
        var groups = c.AttnNormNumGroups ?? (options.ScaleShift ? null : c.NormNumGroups);
        return new LevelOptions(channels, 1, time, options with { OutputScale = c.MidBlockScaleFactor })
        {
            Attention = c.AddAttention ? (place, x, _) => place.ImageAttention(x, c.AttentionHeadDim ?? channels, groups, c.NormEps, c.MidBlockScaleFactor) : null,
        };
    }
}
