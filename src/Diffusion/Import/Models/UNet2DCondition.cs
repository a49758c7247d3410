using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// UNet2DConditionModel: the U-Net of Stable Diffusion 1, 2 and XL (Rombach et al. 2022, Podell et al. 2023). Inputs: sample, timestep,
/// encoder_hidden_states [batch, sequence, channels], and as the configuration says class_labels, timestep_cond, text_embeds and
/// time_ids. Output: out_sample.
/// </summary>
internal static class UNet2DCondition
{
    private const string CrossAttention = "CrossAttn", PlainAttention = "Attn";

    private static readonly string[] s_downBlocks = ["CrossAttnDownBlock2D", "DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"];
    private static readonly string[] s_upBlocks = ["CrossAttnUpBlock2D", "UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"];

    /// <summary>Builds the graph.</summary>
    public static void Build(Module m, ConfigFile file)
    {
        var c = file.Bind<UNet2DConditionConfig>();
        Check(c, file);
        var b = m.Builder;
        var sample = m.ImageInput("sample", c.InChannels);
        var timestep = b.Input("timestep", DataType.Int64, new Shape(new Dim("batch")));
        var context = b.Input("encoder_hidden_states", DataType.Float, new Shape(new Dim("batch"), new Dim("sequence"), c.EncoderHidDim ?? c.CrossAttentionDim[0]));
        var time = new ConditionEmbedding(m, c).Build(timestep);
        context = c.EncoderHidDim is null ? context : m["encoder_hid_proj"].Linear(context, c.CrossAttentionDim[0]);
        var last = c.BlockOutChannels.Count - 1;
        var x = m["conv_in"].Conv2d(c.CenterInputSample ? (2 * sample) - 1 : sample, c.BlockOutChannels[0], c.ConvInKernel, padding: (c.ConvInKernel - 1) / 2);
        var skips = new Stack<Expr>([x]);
        for (var i = 0; i <= last; i++)
        {
            var level = Level(c, i, c.DownBlockTypes[i], time, context, c.TransformerLayersPerBlock[i]);
            var byResnet = c.DownBlockTypes[i] == "ResnetDownsampleBlock2D";
            x = m["down_blocks"][i].Down(x, i == last ? level : level with
            {
                Sampler = (place, h) => byResnet ? place.Resnet(h, level.Channels, time, level.Resnet, Resampling.Down) : place.Downsample(h, level.Channels, c.DownsamplePadding),
            }, skips);
        }

        x = c.MidBlockType is null ? x : m["mid_block"].Middle(x, MiddleLevel(c, time, context));
        for (var i = 0; i <= last; i++)
        {
            var level = Level(c, last - i, c.UpBlockTypes[i], time, context, c.ReverseTransformerLayersPerBlock?[i] ?? c.TransformerLayersPerBlock[last - i]);
            var byResnet = c.UpBlockTypes[i] == "ResnetUpsampleBlock2D";
            x = m["up_blocks"][i].Up(x, i == last ? level : level with
            {
                Sampler = (place, h) => byResnet ? place.Resnet(h, level.Channels, time, level.Resnet, Resampling.Up) : place.Upsample(h, level.Channels),
            }, skips);
        }

        x = m["conv_norm_out"].GroupNorm(x, c.NormNumGroups, c.NormEps).Activation(c.ActFn);
        b.AddOutput("out_sample", m["conv_out"].Conv2d(x, c.OutChannels, c.ConvOutKernel, padding: (c.ConvOutKernel - 1) / 2));
    }

    private static void Check(UNet2DConditionConfig c, ConfigFile file)
    {
        var levels = c.BlockOutChannels.Count;
        file.Check(levels > 0 && c.DownBlockTypes.Count == levels && c.UpBlockTypes.Count == levels, "block_out_channels, down_block_types and up_block_types must be lists of the same length");
        foreach (var (key, count) in new[]
        {
            ("only_cross_attention", c.OnlyCrossAttention.Count), ("layers_per_block", c.LayersPerBlock.Count), ("cross_attention_dim", c.CrossAttentionDim.Count),
            ("attention_head_dim", c.AttentionHeadDim.Count), ("transformer_layers_per_block", c.TransformerLayersPerBlock.Count),
            ("reverse_transformer_layers_per_block", c.ReverseTransformerLayersPerBlock?.Count),
        })
        {
            file.Check(count is null || count == levels, $"{key} has {count} items, and there are {levels} blocks");
        }

        foreach (var (types, key, known) in new[] { (c.DownBlockTypes, "down_block_types", s_downBlocks), (c.UpBlockTypes, "up_block_types", s_upBlocks) })
        {
            foreach (var type in types)
            {
                file.Require(key, type, known);
            }
        }

        for (var i = 0; i < levels; i++)
        {
            var (channels, heads) = (c.BlockOutChannels[i], c.AttentionHeadDim[i]);
            file.Check(channels > 0 && c.NormNumGroups > 0 && channels % c.NormNumGroups == 0, $"norm_num_groups {c.NormNumGroups} does not divide the {channels} channels of a block");
            file.Check(heads > 0 && channels % heads == 0, $"attention_head_dim {heads} does not divide the {channels} channels of a block");
        }

        file.Require("mid_block_type", c.MidBlockType ?? "null", "null", "UNetMidBlock2DCrossAttn", "UNetMidBlock2D");
        file.Require("act_fn", c.ActFn.ToLowerInvariant(), BasicLayers.Activations);
        file.Require("time_embedding_act_fn", c.TimeEmbeddingActFn ?? "null", ["null", .. BasicLayers.Activations]);
        file.Require("timestep_post_act", c.TimestepPostAct ?? "null", ["null", .. BasicLayers.Activations]);
        file.Require("resnet_time_scale_shift", c.ResnetTimeScaleShift, "default", "scale_shift");
        file.Require("time_embedding_type", c.TimeEmbeddingType, "positional");
        file.Require("class_embed_type", c.ClassEmbedType ?? "null", "null", "timestep", "identity", "projection", "simple_projection");
        file.Require("addition_embed_type", c.AdditionEmbedType ?? "null", "null", "text_time");
        file.Require("encoder_hid_dim_type", c.EncoderHidDimType ?? "null", "null", "text_proj");
        file.Require("attention_type", c.AttentionType, "default");
        file.Require("cross_attention_norm", c.CrossAttentionNorm ?? "null", "null");
        file.Check(!c.DualCrossAttention, "dual_cross_attention is not supported");
        file.Check(c.NumAttentionHeads is null, "num_attention_heads is not supported; attention_head_dim is the number of heads in this class");
        file.Check(c.EncoderHidDimType is null || c.EncoderHidDim is not null, "encoder_hid_dim_type needs encoder_hid_dim");
        file.Check(c.AdditionEmbedType is null || (c.AdditionTimeEmbedDim is > 0 && c.ProjectionClassEmbeddingsInputDim is > 0 && ConditionEmbedding.TimeIds(c) > 0),
            "addition_embed_type \"text_time\" needs addition_time_embed_dim and a projection_class_embeddings_input_dim that is larger than that of the time ids");
        file.Check(c.ClassEmbedType is not ("projection" or "simple_projection") || c.ProjectionClassEmbeddingsInputDim is not null, "class_embed_type needs projection_class_embeddings_input_dim");
        file.Check(c.CrossAttentionDim.Count is null || c.EncoderHidDim is null, "encoder_hid_dim needs one cross_attention_dim for all blocks");
        file.Check(c.CrossAttentionDim.Count is null || Enumerable.Range(0, levels).All(i => c.CrossAttentionDim[i] == c.CrossAttentionDim[0]), "blocks of different cross_attention_dim are not supported");
    }

    private static LevelOptions Level(UNet2DConditionConfig c, int level, string type, TimeEmbedding time, Expr context, PerBlock<int> layers)
    {
        var (channels, heads) = (c.BlockOutChannels[level], c.AttentionHeadDim[level]);
        var isResnet = type.StartsWith("Resnet", StringComparison.Ordinal);
        return new LevelOptions(channels, c.LayersPerBlock[level], time, Resnet(c, isResnet ? c.ResnetOutScaleFactor : 1, isResnet && c.ResnetSkipTimeAct))
        {
            Attention = type.StartsWith(CrossAttention, StringComparison.Ordinal)
                ? (place, x, i) => CrossAttend(place, x, c, heads, channels, layers[i], c.OnlyCrossAttention[level], context)
                : type.StartsWith(PlainAttention, StringComparison.Ordinal) ? (place, x, _) => place.ImageAttention(x, heads, c.NormNumGroups, c.NormEps, 1) : null,
        };
    }

    private static LevelOptions MiddleLevel(UNet2DConditionConfig c, TimeEmbedding time, Expr context)
    {
        var last = c.BlockOutChannels.Count - 1;
        var (channels, heads, layers) = (c.BlockOutChannels[last], c.AttentionHeadDim[last], c.TransformerLayersPerBlock[last]);
        var isCross = c.MidBlockType == "UNetMidBlock2DCrossAttn";
        return new LevelOptions(channels, isCross ? 1 : 0, time, Resnet(c, c.MidBlockScaleFactor, false))
        {
            Attention = isCross ? (place, x, i) => CrossAttend(place, x, c, heads, channels, layers[i], false, context) : null,
        };
    }

    private static ResnetOptions Resnet(UNet2DConditionConfig c, double outputScale, bool skipTimeActivation) =>
        new(c.NormNumGroups, c.NormEps, c.ActFn, c.ResnetTimeScaleShift == "scale_shift", outputScale, skipTimeActivation);

    private static Expr CrossAttend(Module m, Expr x, UNet2DConditionConfig c, int heads, int channels, int layers, bool only, Expr context) =>
        m.ImageTransformer(x, context, layers, c.NormNumGroups, c.UseLinearProjection, new TransformerOptions(heads, channels / heads) { OnlyCrossAttention = only });
}
