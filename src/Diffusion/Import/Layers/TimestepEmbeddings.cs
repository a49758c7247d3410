using CompressTool.Diffusion.Import.Weights;
using CompressTool.Onnx;
using CompressTool.Training.Expressions;

namespace CompressTool.Diffusion.Import.Layers;

/// <summary>Embeddings of timesteps.</summary>
internal static class TimestepEmbeddings
{
    /// <summary>Sines and cosines of falling frequencies (Vaswani et al. 2017), computed in float32 as diffusers does.</summary>
    /// <param name="timestep">The timesteps, [batch].</param>
    /// <param name="width">Numbers that come out for each.</param>
    /// <param name="cosineFirst">Whether the cosines come before the sines (flip_sin_to_cos).</param>
    /// <param name="shift">Taken from the number of frequencies in the exponent (freq_shift).</param>
    public static Expr Sinusoids(Expr timestep, long width, bool cosineFirst, double shift)
    {
        var b = timestep.Builder;
        var half = (int)(width / 2);
        var frequencies = new float[half];
        for (var i = 0; i < half; i++)
        {
            // The exponent in float32; the exponential rounded once, which is what systems agree about.
            frequencies[i] = (float)Math.Exp((float)-Math.Log(10000) * i / (float)(half - shift));
        }

        var angles = timestep.Cast(DataType.Float).View(-1, 1) * b.Constant(Tensor.Floats([1, half], frequencies));
        Expr[] parts = cosineFirst ? [angles.Cos(), angles.Sin()] : [angles.Sin(), angles.Cos()];
        var result = b.Concat(1, parts);
        return width % 2 == 0 ? result : b.Node("Pad", [result, b.Int64s(0, 0, 0, 1)]);
    }

    /// <summary>Sines and cosines of random frequencies of the logarithm of noise levels (Song et al. 2021).</summary>
    /// <param name="m">The place.</param>
    /// <param name="level">The noise levels, [batch].</param>
    /// <param name="frequencies">How many frequencies.</param>
    /// <param name="scale">Standard deviation of the frequencies.</param>
    public static Expr Fourier(this Module m, Expr level, long frequencies, double scale)
    {
        using var scope = m.Enter();
        var angles = level.Log().View(-1, 1) * m.Buffer("weight", new Initialization.Normal(scale), frequencies).View(1, -1) * (2 * Math.PI);
        return m.Builder.Concat(1, angles.Sin(), angles.Cos());
    }

    /// <summary>Two linear layers with an activation between them.</summary>
    /// <param name="m">The place of linear_1 and linear_2.</param>
    /// <param name="x">The input.</param>
    /// <param name="channels">Numbers inside and out.</param>
    /// <param name="activation">The activation between.</param>
    /// <param name="outputs">Numbers that come out; null for as many as inside.</param>
    public static Expr TimestepMlp(this Module m, Expr x, long channels, string activation = "silu", long? outputs = null)
    {
        using var scope = m.Enter();
        return m["linear_2"].Linear(m["linear_1"].Linear(x, channels).Activation(activation), outputs ?? channels);
    }
}
