using CompressTool.Diffusion.Import.Configuration;
using CompressTool.Diffusion.Import.Layers;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Models;

/// <summary>
/// AutoencoderKL: the autoencoder of latent diffusion (Rombach et al. 2022). Its parts are models of their own: the encoder makes
/// moments (means and logarithms of variances) of a sample, the decoder a sample of a latent. The whole decodes the means.
/// </summary>
internal static class Autoencoder
{
    /// <summary>The part from images to latents.</summary>
    public const string Encoder = "encoder";

    /// <summary>The part from latents to images.</summary>
    public const string Decoder = "decoder";

    private const double Epsilon = 1e-6;

    /// <summary>Builds the graph.</summary>
    /// <param name="m">The root.</param>
    /// <param name="file">The configuration.</param>
    /// <param name="part">The encoder or the decoder; null for the whole.</param>
    public static void Build(Module m, ConfigFile file, string? part)
    {
        var c = file.Bind<AutoencoderConfig>();
        Check(c, file);
        var b = m.Builder;
        var options = new ResnetOptions(c.NormNumGroups, Epsilon, c.ActFn);
        var latent = part == Decoder ? m.ImageInput("latent", c.LatentChannels) : null;
        if (latent is null)
        {
            var moments = Encode(m, m.ImageInput("sample", c.InChannels), c, options);
            if (part == Encoder)
            {
                b.AddOutput("moments", moments);
                return;
            }

            latent = moments.Chunk(2, 1)[0];
        }

        b.AddOutput("out_sample", Decode(m, latent, c, options));
    }

    /// <summary>Whether a tensor of the checkpoint belongs to the other part.</summary>
    public static bool IsOfOtherPart(string name, string? part) => part switch
    {
        Encoder => name.StartsWith("decoder.", StringComparison.Ordinal) || name.StartsWith("post_quant_conv.", StringComparison.Ordinal),
        Decoder => name.StartsWith("encoder.", StringComparison.Ordinal) || name.StartsWith("quant_conv.", StringComparison.Ordinal),
        _ => false,
    };

    private static void Check(AutoencoderConfig c, ConfigFile file)
    {
        file.Require("act_fn", c.ActFn.ToLowerInvariant(), BasicLayers.Activations);
        file.Check(c.BlockOutChannels.Count > 0 && c.DownBlockTypes.Count == c.BlockOutChannels.Count && c.UpBlockTypes.Count == c.BlockOutChannels.Count,
            "block_out_channels, down_block_types and up_block_types must be lists of the same length");
        foreach (var (type, channels) in c.DownBlockTypes.Zip(c.BlockOutChannels))
        {
            file.Require("down_block_types", type, "DownEncoderBlock2D");
            file.Check(channels > 0 && c.NormNumGroups > 0 && channels % c.NormNumGroups == 0, $"norm_num_groups {c.NormNumGroups} does not divide the {channels} channels of a block");
        }

        foreach (var type in c.UpBlockTypes)
        {
            file.Require("up_block_types", type, "UpDecoderBlock2D");
        }
    }

    private static Expr Encode(Module root, Expr x, AutoencoderConfig c, ResnetOptions options)
    {
        var m = root["encoder"];
        var last = c.BlockOutChannels.Count - 1;
        x = m["conv_in"].Conv2d(x, c.BlockOutChannels[0]);
        for (var i = 0; i <= last; i++)
        {
            var level = new LevelOptions(c.BlockOutChannels[i], c.LayersPerBlock, null, options);
            x = m["down_blocks"][i].Down(x, i == last ? level : level with { Sampler = (place, h) => place.Downsample(h, level.Channels, padding: 0) }, null);
        }

        x = m["mid_block"].Middle(x, MiddleLevel(c, options));
        x = m["conv_out"].Conv2d(m["conv_norm_out"].GroupNorm(x, c.NormNumGroups, Epsilon).Silu(), 2 * c.LatentChannels);
        return c.UseQuantConv ? root["quant_conv"].Conv2d(x, 2 * c.LatentChannels, kernel: 1, padding: 0) : x;
    }

    private static Expr Decode(Module root, Expr x, AutoencoderConfig c, ResnetOptions options)
    {
        var m = root["decoder"];
        var last = c.BlockOutChannels.Count - 1;
        x = c.UsePostQuantConv ? root["post_quant_conv"].Conv2d(x, c.LatentChannels, kernel: 1, padding: 0) : x;
        x = m["conv_in"].Conv2d(x, c.BlockOutChannels[^1]);
        x = m["mid_block"].Middle(x, MiddleLevel(c, options));
        for (var i = 0; i <= last; i++)
        {
            var level = new LevelOptions(c.BlockOutChannels[last - i], c.LayersPerBlock, null, options);
            x = m["up_blocks"][i].Up(x, i == last ? level : level with { Sampler = (place, h) => place.Upsample(h, level.Channels) }, null);
        }

        return m["conv_out"].Conv2d(m["conv_norm_out"].GroupNorm(x, c.NormNumGroups, Epsilon).Silu(), c.OutChannels);
    }

    private static LevelOptions MiddleLevel(AutoencoderConfig c, ResnetOptions options)
    {
        var channels = c.BlockOutChannels[^1];
        return new LevelOptions(channels, 1, null, options)
        {
            Attention = c.MidBlockAddAttention ? (place, x, _) => place.ImageAttention(x, channels, c.NormNumGroups, Epsilon, 1) : null,
        };
    }
}
