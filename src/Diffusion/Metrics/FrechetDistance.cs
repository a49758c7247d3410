using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// The Fréchet distance between two normal distributions with the means and covariances of features (Heusel et al. 2017):
/// |m1 - m2|² + Tr S1 + Tr S2 - 2 Tr (S1 S2)^(1/2). Lower is better. It is biased upwards with few images: figures of
/// different numbers of images cannot be compared.
/// </summary>
/// <remarks>
/// With S1 = F1 F1ᵀ and S2 = F2 F2ᵀ the trace of the root is the sum of the singular values of F1ᵀ F2. That needs neither the
/// root of a matrix, which has no accurate form when there are fewer images than features, nor eigenvectors, and its error is
/// that of rounding, where eigenvalues of a product of covariances would lose half of the digits.
/// </remarks>
public static class FrechetDistance
{
    /// <summary>The distance.</summary>
    /// <param name="a">Statistics of the one set.</param>
    /// <param name="b">Statistics of the other, of as many dimensions.</param>
    /// <exception cref="CompressToolException">The sets differ in their dimensions, or have fewer than two images.</exception>
    public static double Between(FeatureStatistics a, FeatureStatistics b)
    {
        Check(a.Dimensions, b.Dimensions);
        return Between(a.Mean(), a.Covariance(), b.Mean(), b.Covariance());
    }

    /// <summary>The distance of generated images from reference ones, with the interval that the choice of the generated ones gives it.</summary>
    /// <param name="reference">The features of reference images, which are taken as given.</param>
    /// <param name="generated">The features of generated images.</param>
    /// <exception cref="CompressToolException">The sets differ in their dimensions, or have fewer than two images.</exception>
    public static Estimate Measure(FeatureStatistics reference, FeatureSet generated)
    {
        Check(reference.Dimensions, generated.Dimensions);
        var all = FeatureStatistics.Of(generated);
        var (mean, covariance) = (reference.Mean(), Factor.Of(reference.Covariance()));
        var value = Between(mean, covariance, all);
        return Estimate.Jackknife(value, generated.Count, stays => Between(mean, covariance, all.Without(FeatureStatistics.Of(generated, row => !stays(row)))));
    }

    /// <summary>The distance of two normal distributions.</summary>
    /// <param name="meanA">The one mean.</param>
    /// <param name="covarianceA">The one covariance, row by row.</param>
    /// <param name="meanB">The other mean.</param>
    /// <param name="covarianceB">The other covariance.</param>
    internal static double Between(double[] meanA, double[] covarianceA, double[] meanB, double[] covarianceB) =>
        Between(meanA, Factor.Of(covarianceA), meanB, Factor.Of(covarianceB));

    private static double Between(double[] mean, Factor covariance, FeatureStatistics other) => Between(mean, covariance, other.Mean(), Factor.Of(other.Covariance()));

    private static double Between(double[] meanA, Factor a, double[] meanB, Factor b)
    {
        var distance = meanA.Zip(meanB, (x, y) => (x - y) * (x - y)).Sum();
        return Math.Max(0, distance + a.Trace + b.Trace - (2 * SingularValues.Of(a.TransposedTimes(b), a.Rank, b.Rank).Sum()));
    }

    private static void Check(int a, int b)
    {
        if (a != b)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, $"features of {a} and of {b} numbers cannot be compared");
        }
    }
}
