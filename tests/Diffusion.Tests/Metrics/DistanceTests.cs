using CompressTool.Diffusion.Metrics;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Diffusion.Tests.Metrics;

[TestClass]
public sealed class DistanceTests
{
    [TestMethod]
    public void Worked_values_of_two_normal_distributions()
    {
        // Eigenvalues of the product 1.904138 and 1.295862, whose roots add up to 2.51826441.
        Assert.AreEqual(5.46347119, FrechetDistance.Between([0, 0], [2, 0.5, 0.5, 1], [1, 2], [1, -0.3, -0.3, 1.5]), 1e-8);
        Assert.AreEqual(5.46347119, FrechetDistance.Between([1, 2], [1, -0.3, -0.3, 1.5], [0, 0], [2, 0.5, 0.5, 1]), 1e-8);

        // Commuting covariances: the squared differences of deviations, here of 1 and 2, 0 and 3, 0.5 and 0.5.
        Assert.AreEqual(1 + 9 + 4, FrechetDistance.Between([0, 0, 2], [1, 0, 0, 0, 0, 0, 0, 0, 0.25], [0, 0, 0], [4, 0, 0, 0, 9, 0, 0, 0, 0.25]), 1e-12);
    }

    [TestMethod]
    public void Worked_value_of_the_kernel_distance()
    {
        var a = FeatureSet.Of([[1, 0], [0, 1], [1, 1]]);
        var b = FeatureSet.Of([[2, 0], [0, 2], [1, 2]]);

        Assert.AreEqual(2.5833333333 + 12 - (2 * 6.7777777778), KernelDistance.Between(a, b), 1e-8);
        Assert.AreEqual(1.0277777778, KernelDistance.Measure(a, b).Value, 1e-8);
    }

    /// <summary>The values are those of a program in numpy, with eigenvalues of S1^(1/2) S2 S1^(1/2).</summary>
    [TestMethod]
    [DataRow(200, 150, 16, 0.293828122431544, 0.09249768067767761, 0.86, 0.84)]
    [DataRow(40, 60, 64, 4.156317858039421, 0.09750097895750542, 0.8333333333333334, 0.975)]
    public void Values_are_those_of_an_independent_program(int countA, int countB, int dimensions, double frechet, double kernel, double precision, double recall)
    {
        var (a, b) = (Features(countA, dimensions, 0), Features(countB, dimensions, 1));

        Assert.AreEqual(frechet, FrechetDistance.Between(FeatureStatistics.Of(a), FeatureStatistics.Of(b)), 1e-6);
        Assert.AreEqual(frechet, FrechetDistance.Measure(FeatureStatistics.Of(a), b).Value, 1e-6);
        Assert.AreEqual(kernel, KernelDistance.Between(a, b), 1e-9);
        var measured = PrecisionRecall.Measure(a, b);
        Assert.AreEqual(precision, measured.Precision.Value, 1e-12);
        Assert.AreEqual(recall, measured.Recall.Value, 1e-12);
        Assert.AreEqual(countB, measured.Precision.Count);
    }

    [TestMethod]
    [DataRow(500, 20)]
    [DataRow(10, 40)]
    public void A_set_has_no_distance_from_itself_and_a_shifted_one_that_of_the_shift(int count, int dimensions)
    {
        var a = Normal(1, count, dimensions, 1);
        var shifted = FeatureSet.Of(Enumerable.Range(0, count).Select(i => a[i].ToArray().Select(x => x + 0.5f).ToArray()));

        Assert.AreEqual(0, FrechetDistance.Between(FeatureStatistics.Of(a), FeatureStatistics.Of(a)), 1e-9);
        Assert.AreEqual(0.25 * dimensions, FrechetDistance.Between(FeatureStatistics.Of(a), FeatureStatistics.Of(shifted)), 1e-5);
    }

    [TestMethod]
    public void Intervals_hold_what_they_promise()
    {
        // Deviations 1 and 2 in 4 dimensions: 4 (2 - 1)² = 4, for the distribution itself; the reference is large.
        var reference = FeatureStatistics.Of(Normal(99, 20_000, 4, 1));
        var hits = 0;
        for (var seed = 1; seed <= 40; seed++)
        {
            var estimate = FrechetDistance.Measure(reference, Normal((ulong)seed, 1000, 4, 2));
            hits += Math.Abs(estimate.Value - 4) <= estimate.Error ? 1 : 0;
        }

        Assert.IsInRange(32, 40, hits, "of 40 intervals of 95 %");
        Assert.IsNull(FrechetDistance.Measure(reference, Normal(5, 20, 4, 2)).Error, "too few images to tell");
    }

    [TestMethod]
    public void Subsets_give_the_kernel_distance_without_bias()
    {
        var (a, b) = (Normal(1, 250, 8, 1), Normal(2, 300, 8, 1.3f));

        var subsets = KernelDistance.Measure(a, b, 3, 50, 100);

        Assert.AreEqual(KernelDistance.Between(a, b), subsets.Value, 3 * subsets.Error!.Value);
        Assert.AreEqual(subsets, KernelDistance.Measure(a, b, 3, 50, 100));
        Assert.AreNotEqual(subsets, KernelDistance.Measure(a, b, 4, 50, 100));
        var same = KernelDistance.Measure(a, Normal(7, 300, 8, 1), 3, 50, 100);
        Assert.AreEqual(0, same.Value, 0.2);
        Assert.IsGreaterThan(10 * Math.Abs(same.Value), subsets.Value);
    }

    [TestMethod]
    public void Intervals_of_the_kernel_distance_hold_what_other_images_give()
    {
        var reference = Normal(1, 120, 4, 1);
        var estimates = Enumerable.Range(0, 40).Select(draw => KernelDistance.Measure(reference, Normal(100 + (ulong)draw, 120, 4, 1.4f))).ToArray();

        var truth = estimates.Average(estimate => estimate.Value);
        Assert.IsInRange(32, 40, estimates.Count(estimate => Math.Abs(estimate.Value - truth) <= estimate.Error), "of 40 intervals of 95 %");
    }

    [TestMethod]
    public void Intervals_do_not_depend_on_classes_in_turns()
    {
        // Ten classes far apart: a group of one class would change the distance by much more than other images do.
        FeatureSet Classes(ulong seed) => FeatureSet.Of([.. Enumerable.Range(0, 400).Select(i => { var row = Normal(seed + (ulong)i, 1, 2, 0.1f)[0].ToArray(); row[0] += i % 10 * 5; return row; })]);
        var reference = Classes(1);

        var others = Enumerable.Range(1, 20).Select(draw => FrechetDistance.Measure(FeatureStatistics.Of(reference), Classes((ulong)draw * 10_000))).ToArray();

        Assert.IsLessThan(20 * others.Average(estimate => estimate.Value), others.Average(estimate => estimate.Error!.Value));
    }

    [TestMethod]
    public void Precision_and_recall_tell_quality_from_variety()
    {
        var reference = Normal(1, 400, 3, 1);

        var narrow = PrecisionRecall.Measure(reference, Normal(2, 400, 3, 0.3f));
        var wide = PrecisionRecall.Measure(reference, Normal(3, 400, 3, 3));

        Assert.IsGreaterThan(0.95, narrow.Precision.Value);
        Assert.IsLessThan(0.5, narrow.Recall.Value);
        Assert.IsLessThan(0.5, wide.Precision.Value);
        Assert.IsGreaterThan(0.8, wide.Recall.Value);
    }

    [TestMethod]
    public void Statistics_are_gathered_in_any_pieces_and_taken_apart()
    {
        var set = Normal(1, 130, 5, 1);
        var pieces = new FeatureStatistics(5);
        var first = new FeatureStatistics(5);
        for (var i = 0; i < set.Count; i++)
        {
            pieces.Add(set[i]);
            if (i < 30)
            {
                first.Add(set[i]);
            }
        }

        var rest = new FeatureStatistics(5);
        for (var i = 30; i < set.Count; i++)
        {
            rest.Add(set[i]);
        }

        AssertEqual(FeatureStatistics.Of(set).Covariance(), pieces.Covariance());
        AssertEqual(rest.Covariance(), pieces.Without(first).Covariance());
        AssertEqual(rest.Mean(), pieces.Without(first).Mean());
    }

    [TestMethod]
    public void Large_matrices_have_the_singular_values_they_were_made_of()
    {
        // A = sum of s_k u_k v_kᵀ with u, v columns of Householder matrices, 300 x 200, so that threads take part.
        const int Rows = 300, Columns = 200;
        var (u, v) = (Direction(Rows, 1), Direction(Columns, 2));
        var values = Enumerable.Range(0, Columns).Select(k => k < 150 ? 1 + (k * 0.37 % 5) : 0).ToArray();
        var matrix = new double[Rows * Columns];
        for (var i = 0; i < Rows; i++)
        {
            for (var j = 0; j < Columns; j++)
            {
                for (var k = 0; k < Columns; k++)
                {
                    matrix[(i * Columns) + j] += values[k] * ((i == k ? 1 : 0) - (2 * u[i] * u[k])) * ((j == k ? 1 : 0) - (2 * v[j] * v[k]));
                }
            }
        }

        AssertEqual([.. values.Order()], [.. SingularValues.Of(matrix, Rows, Columns).Order()]);
        AssertEqual([5], SingularValues.Of([3, 4], 1, 2));
        AssertEqual([5], SingularValues.Of([3, 4], 2, 1));
        Assert.IsEmpty(SingularValues.Of([], 0, 3));
    }

    [TestMethod]
    public void What_cannot_be_compared_is_refused()
    {
        var (a, b, one) = (Normal(1, 5, 3, 1), Normal(1, 5, 4, 1), Normal(1, 1, 3, 1));
        foreach (var action in new Action[]
        {
            () => FrechetDistance.Between(FeatureStatistics.Of(a), FeatureStatistics.Of(b)),
            () => FrechetDistance.Between(FeatureStatistics.Of(a), FeatureStatistics.Of(one)),
            () => FrechetDistance.Between(FeatureStatistics.Of(a), FeatureStatistics.Of(FeatureSet.Of([[1, 2, float.NaN], [1, 2, 3]]))),
            () => KernelDistance.Between(a, b),
            () => KernelDistance.Between(a, one),
            () => PrecisionRecall.Measure(a, one),
        })
        {
            Assert.AreEqual(DiffusionErrors.InvalidMetric, Assert.ThrowsExactly<CompressToolException>(action).Code);
        }
    }

    [TestMethod]
    public void Means_and_shares_have_intervals()
    {
        Assert.AreEqual(new Estimate(2, 1.959963984540054 / Math.Sqrt(3), 3), Estimate.Mean([1, 2, 3]));
        Assert.AreEqual("0.5 ± 0.0962 (N = 100)", Estimate.Share(50, 100).ToString());
        Assert.AreEqual(0.037, Estimate.Share(0, 100).Error!.Value, 0.001);
        Assert.IsNull(Estimate.Mean([double.PositiveInfinity, 1]).Error);
    }

    private static void AssertEqual(double[] expected, double[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-10, $"at {i}");
        }
    }

    private static double[] Direction(int size, int seed)
    {
        var random = new RandomSource((ulong)seed, "direction").Stream();
        var x = Enumerable.Range(0, size).Select(_ => random.NextDouble() - 0.5).ToArray();
        var norm = Math.Sqrt(x.Sum(value => value * value));
        return Array.ConvertAll(x, value => value / norm);
    }

    private static FeatureSet Normal(ulong seed, int count, int dimensions, float deviation)
    {
        var values = new float[count * dimensions];
        new RandomSource(seed, "features").Stream().FillNormal(values);
        var set = new FeatureSet(dimensions);
        set.Add([.. values.Select(x => x * deviation)]);
        return set;
    }

    private static FeatureSet Features(int count, int dimensions, int k) => FeatureSet.Of(Enumerable.Range(0, count).Select(i => Enumerable.Range(0, dimensions)
        .Select(j => (float)((((i * 37) + (j * 91) + (i * i * (j + 3) % 53 * 7) + (k * 113)) % 101 / 101.0) + (k * 0.1 * (j % 3)))).ToArray()));
}
