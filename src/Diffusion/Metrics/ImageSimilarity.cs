using CompressTool.Diffusion.Pictures;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Metrics;

/// <summary>How alike two pictures are, pixel by pixel (PSNR) and window by window (SSIM).</summary>
public static class ImageSimilarity
{
    private const double Range = 255;

    /// <summary>SSIM's window: 11 x 11 points of a normal distribution with a deviation of 1.5.</summary>
    private const int Window = 11;
    private const double Deviation = 1.5;

    private static readonly double[] s_window = CreateWindow();

    /// <summary>The peak signal-to-noise ratio, 10 log10(255² / mean squared error), in dB; infinite for equal pictures.</summary>
    /// <param name="a">A picture.</param>
    /// <param name="b">Another of the same size and channels.</param>
    /// <exception cref="CompressToolException">They differ in size or channels.</exception>
    public static double Psnr(Picture a, Picture b)
    {
        Check(a, b);
        long sum = 0;
        for (var i = 0; i < a.Pixels.Length; i++)
        {
            var difference = a.Pixels[i] - b.Pixels[i];
            sum += difference * difference;
        }

        return 10 * Math.Log10(Range * Range * a.Pixels.Length / sum);
    }

    /// <summary>
    /// Structural similarity (Wang et al. 2004), 1 for equal pictures: K1 = 0.01, K2 = 0.03, covariances of the window without
    /// correction for its size, windows that lie wholly inside the picture, the mean over channels.
    /// </summary>
    /// <param name="a">A picture of at least 11 x 11 pixels.</param>
    /// <param name="b">Another of the same size and channels.</param>
    /// <exception cref="CompressToolException">They differ in size or channels, or are too small.</exception>
    public static double Ssim(Picture a, Picture b)
    {
        Check(a, b);
        if (a.Width < Window || a.Height < Window)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, $"SSIM looks at windows of {Window} x {Window} pixels, and the pictures have {a.Width} x {a.Height}");
        }

        var sum = 0.0;
        for (var channel = 0; channel < a.Channels; channel++)
        {
            sum += Ssim(Plane(a, channel), Plane(b, channel), a.Width, a.Height);
        }

        return sum / a.Channels;
    }

    private static double Ssim(double[] a, double[] b, int width, int height)
    {
        const double C1 = 0.01 * Range * 0.01 * Range, C2 = 0.03 * Range * 0.03 * Range;
        var (meanA, meanB) = (Blur(a, width, height), Blur(b, width, height));
        var (squareA, squareB) = (Blur([.. a.Select(x => x * x)], width, height), Blur([.. b.Select(x => x * x)], width, height));
        var product = Blur([.. a.Zip(b, (x, y) => x * y)], width, height);
        var sum = 0.0;
        for (var i = 0; i < meanA.Length; i++)
        {
            var (x, y) = (meanA[i], meanB[i]);
            var (varianceA, varianceB, covariance) = (squareA[i] - (x * x), squareB[i] - (y * y), product[i] - (x * y));
            sum += ((2 * x * y) + C1) * ((2 * covariance) + C2) / (((x * x) + (y * y) + C1) * (varianceA + varianceB + C2));
        }

        return sum / meanA.Length;
    }

    /// <summary>The weighted means of the windows inside a plane.</summary>
    private static double[] Blur(double[] plane, int width, int height)
    {
        var (narrow, low) = (width - Window + 1, height - Window + 1);
        var rows = new double[height * narrow];
        for (var i = 0; i < rows.Length; i++)
        {
            var start = (i / narrow * width) + (i % narrow);
            for (var k = 0; k < Window; k++)
            {
                rows[i] += s_window[k] * plane[start + k];
            }
        }

        var result = new double[low * narrow];
        for (var i = 0; i < result.Length; i++)
        {
            for (var k = 0; k < Window; k++)
            {
                result[i] += s_window[k] * rows[i + (k * narrow)];
            }
        }

        return result;
    }

    private static double[] Plane(Picture picture, int channel)
    {
        var plane = new double[picture.Width * picture.Height];
        for (var i = 0; i < plane.Length; i++)
        {
            plane[i] = picture.Pixels[(i * picture.Channels) + channel];
        }

        return plane;
    }

    private static double[] CreateWindow()
    {
        var weights = Enumerable.Range(-Window / 2, Window).Select(x => Math.Exp(-x * x / (2 * Deviation * Deviation))).ToArray();
        var sum = weights.Sum();
        return Array.ConvertAll(weights, weight => weight / sum);
    }

    private static void Check(Picture a, Picture b)
    {
        if ((a.Width, a.Height, a.Channels) != (b.Width, b.Height, b.Channels))
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric,
                $"pictures of {a.Width} x {a.Height} x {a.Channels} and {b.Width} x {b.Height} x {b.Channels} cannot be compared");
        }
    }
}
