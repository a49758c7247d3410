using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Metrics;

/// <summary>
/// Improved precision and recall (Kynkäänniemi et al. 2019): precision is the share of generated images that lie among the
/// reference ones, recall the share of reference images that lie among the generated ones. An image lies among others when it
/// is no farther from one of them than that one's k-th nearest neighbour.
/// </summary>
/// <param name="Precision">How good the generated images are, 0 to 1.</param>
/// <param name="Recall">How much of the variety they cover, 0 to 1.</param>
public sealed record PrecisionRecall(Estimate Precision, Estimate Recall)
{
    /// <summary>Neighbours in the paper.</summary>
    private const int Nearest = 3;

    /// <summary>Measures both.</summary>
    /// <param name="reference">Features of reference images.</param>
    /// <param name="generated">Features of generated images.</param>
    /// <param name="neighbours">k.</param>
    /// <exception cref="CompressToolException">The sets differ in their dimensions, or have no more than k images.</exception>
    public static PrecisionRecall Measure(FeatureSet reference, FeatureSet generated, int neighbours = Nearest)
    {
        if (reference.Dimensions != generated.Dimensions || Math.Min(reference.Count, generated.Count) <= neighbours)
        {
            throw new CompressToolException(DiffusionErrors.InvalidMetric, reference.Dimensions != generated.Dimensions
                ? $"features of {reference.Dimensions} and of {generated.Dimensions} numbers cannot be compared"
                : $"precision and recall with {neighbours} neighbours need more than {neighbours} images of each set, and there are {reference.Count} and {generated.Count}");
        }

        return new PrecisionRecall(Among(reference, generated, neighbours), Among(generated, reference, neighbours));
    }

    private static Estimate Among(FeatureSet set, FeatureSet images, int neighbours)
    {
        var radii = new double[set.Count];
        Loops.For(set.Count, (long)set.Count * set.Dimensions, i =>
        {
            var distances = new double[set.Count - 1];
            for (var j = 0; j < set.Count; j++)
            {
                if (j != i)
                {
                    distances[j < i ? j : j - 1] = FeatureDistances.Squared(set[i], set[j]);
                }
            }

            Array.Sort(distances);
            radii[i] = distances[neighbours - 1];
        });

        var inside = new bool[images.Count];
        Loops.For(images.Count, (long)set.Count * set.Dimensions, i =>
        {
            for (var j = 0; j < set.Count && !inside[i]; j++)
            {
                inside[i] = FeatureDistances.Squared(images[i], set[j]) <= radii[j];
            }
        });
        return Estimate.Share(inside.Count(hit => hit), images.Count);
    }
}
