using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// The kernel distance (KID, Binkowski et al. 2018): the unbiased estimate of the squared maximum mean discrepancy with the
/// kernel (x.y / d + 1)³. Lower is better; around 0, also below it, two sets cannot be told apart. Unlike the Fréchet distance
/// it is not biased by the number of images.
/// </summary>
public static class KernelDistance
{
    /// <summary>Subsets of the original paper's code.</summary>
    private const int Subsets = 100, SubsetSize = 1000;

    /// <summary>The distance: the mean over random subsets, as usual 100 of 1000 images, or of all there are when they are fewer.</summary>
    /// <param name="reference">Features of reference images.</param>
    /// <param name="generated">Features of generated images.</param>
    /// <param name="seed">Which subsets.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The interval is that of the mean over subsets; of the jackknife when all images are taken at once.</returns>
    /// <exception cref="CompressToolException">The sets differ in their dimensions, or have fewer than two images.</exception>
    public static Estimate Measure(FeatureSet reference, FeatureSet generated, ulong seed = 0, CancellationToken cancellationToken = default) =>
        Measure(reference, generated, seed, Subsets, SubsetSize, cancellationToken);

    internal static Estimate Measure(FeatureSet reference, FeatureSet generated, ulong seed, int subsets, int subsetSize, CancellationToken cancellationToken = default)
    {
        var size = Math.Min(subsetSize, Math.Min(reference.Count, generated.Count));
        if (reference.Count == size && generated.Count == size)
        {
            return Estimate.Jackknife(Between(reference, generated), generated.Count, stays =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                return Between(reference, [.. Enumerable.Range(0, reference.Count)], generated, [.. Enumerable.Range(0, generated.Count).Where(stays)]);
            });
        }

        var (referenceOrder, generatedOrder) = (new RandomSource(seed, "kid reference"), new RandomSource(seed, "kid generated"));
        var values = new double[subsets];
        for (var subset = 0; subset < subsets; subset++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            values[subset] = Between(reference, Choose(referenceOrder.Stream(subset), reference.Count, size), generated, Choose(generatedOrder.Stream(subset), generated.Count, size));
        }

        return Estimate.Mean(values) with { Count = generated.Count };
    }

    /// <summary>The unbiased estimate from all rows of two sets.</summary>
    /// <param name="a">The one set.</param>
    /// <param name="b">The other.</param>
    /// <exception cref="CompressToolException">The sets differ in their dimensions, or have fewer than two images.</exception>
    public static double Between(FeatureSet a, FeatureSet b) => Between(a, [.. Enumerable.Range(0, a.Count)], b, [.. Enumerable.Range(0, b.Count)]);

    private static double Between(FeatureSet a, int[] rowsA, FeatureSet b, int[] rowsB)
    {
        if (a.Dimensions != b.Dimensions || rowsA.Length < 2 || rowsB.Length < 2)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, a.Dimensions != b.Dimensions ? $"features of {a.Dimensions} and of {b.Dimensions} numbers cannot be compared" : "a kernel distance needs at least 2 images of each set");
        }

        return Mean(a, rowsA, a, rowsA, same: true) + Mean(b, rowsB, b, rowsB, same: true) - (2 * Mean(a, rowsA, b, rowsB, same: false));
    }

    /// <summary>The mean of the kernel over pairs; of one set over pairs of different rows.</summary>
    private static double Mean(FeatureSet a, int[] rowsA, FeatureSet b, int[] rowsB, bool same)
    {
        var sums = new double[rowsA.Length];
        Loops.For(rowsA.Length, (long)rowsB.Length * a.Dimensions, i =>
        {
            var row = a[rowsA[i]];
            for (var j = same ? i + 1 : 0; j < rowsB.Length; j++)
            {
                var inner = (FeatureDistances.Dot(row, b[rowsB[j]]) / a.Dimensions) + 1;
                sums[i] += inner * inner * inner;
            }
        });
        return sums.Sum() / (rowsA.Length * (same ? (rowsB.Length - 1) / 2.0 : rowsB.Length));
    }

    /// <summary>Some of many rows, each at most once.</summary>
    private static int[] Choose(RandomStream random, int count, int size)
    {
        var order = Enumerable.Range(0, count).ToArray();
        for (var i = 0; i < size; i++)
        {
            var other = i + (int)random.NextInt64(count - i);
            (order[i], order[other]) = (order[other], order[i]);
        }

        return order[..size];
    }
}
