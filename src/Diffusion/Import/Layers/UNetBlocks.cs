using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>One level of a U-Net or autoencoder.</summary>
/// <param name="Channels">Its channels.</param>
/// <param name="Layers">How many residual blocks it has.</param>
/// <param name="Time">The time embedding; null for none.</param>
/// <param name="Resnet">Options of the residual blocks.</param>
internal sealed record LevelOptions(long Channels, int Layers, TimeEmbedding? Time, ResnetOptions Resnet)
{
    /// <summary>Attention behind each residual block, by its place and number; null for none.</summary>
    public Func<Module, Expr, int, Expr>? Attention { get; init; }

    /// <summary>Change of size at the end; null for none.</summary>
    public Func<Module, Expr, Expr>? Sampler { get; init; }
}

/// <summary>The levels that U-Nets (Ronneberger et al. 2015) and autoencoders are made of.</summary>
internal static class UNetBlocks
{
    /// <summary>A level on the way down.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="o">Its options.</param>
    /// <param name="skips">Receives what the way up takes again; null for none.</param>
    public static Expr Down(this Module m, Expr x, LevelOptions o, Stack<Expr>? skips)
    {
        for (var i = 0; i < o.Layers; i++)
        {
            x = Layer(m, x, i, o);
            skips?.Push(x);
        }

        if (o.Sampler is not null)
        {
            x = o.Sampler(m["downsamplers"][0], x);
            skips?.Push(x);
        }

        return x;
    }

    /// <summary>A level on the way up, with one more residual block than on the way down.</summary>
    /// <param name="m">The place.</param>
    /// <param name="x">The input.</param>
    /// <param name="o">Its options, with the number of blocks on the way down.</param>
    /// <param name="skips">What the way down left; null for none.</param>
    public static Expr Up(this Module m, Expr x, LevelOptions o, Stack<Expr>? skips)
    {
        for (var i = 0; i <= o.Layers; i++)
        {
            if (skips is not null)
            {
                using var scope = m.Enter();
                x = m.Builder.Concat(1, x, skips.Pop());
            }

            x = Layer(m, x, i, o);
        }

        return o.Sampler is null ? x : o.Sampler(m["upsamplers"][0], x);
    }

    /// <summary>The middle: a residual block, and as often as there are layers attention and another one.</summary>
    public static Expr Middle(this Module m, Expr x, LevelOptions o)
    {
        x = m["resnets"][0].Resnet(x, o.Channels, o.Time, o.Resnet);
        for (var i = 0; i < o.Layers; i++)
        {
            x = o.Attention is null ? x : o.Attention(m["attentions"][i], x, i);
            x = m["resnets"][i + 1].Resnet(x, o.Channels, o.Time, o.Resnet);
        }

        return x;
    }

    private static Expr Layer(Module m, Expr x, int number, LevelOptions o)
    {
        x = m["resnets"][number].Resnet(x, o.Channels, o.Time, o.Resnet);
        return o.Attention is null ? x : o.Attention(m["attentions"][number], x, number);
    }
}
