using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Optimization;

[TestClass]
public sealed class GradientNormTests
{
    [TestMethod]
    public void The_norm_is_that_of_all_gradients_in_double_precision()
    {
        using var parameters = Toy.Parameters();
        Toy.FillGradients(parameters, new System.Random(1), 1e20);

        var expected = Math.Sqrt(Toy.Flat(parameters.Gradients).Sum(x => (double)x * x));

        Assert.AreEqual(expected, GradientNorm.Compute(parameters), 1e-13 * expected);
    }

    [TestMethod]
    public void Pruned_weights_do_not_count()
    {
        using var parameters = Toy.Parameters();
        Toy.FillGradients(parameters, new System.Random(1));
        var mask = new ParameterMask(257 * 513);
        for (var i = 0; i < mask.Count; i++)
        {
            mask[i] = i % 5 != 1;
        }

        parameters.SetMask("large", mask);
        var gradients = parameters.Gradients["large"].AsSpan<float>();
        for (var i = 1; i < gradients.Length; i += 5)
        {
            gradients[i] = i == 6 ? float.NaN : gradients[i];
        }

        var all = Toy.Flat(parameters.Gradients).Where(float.IsFinite).Sum(x => (double)x * x);
        double pruned = 0;
        for (var i = 1; i < gradients.Length; i += 5)
        {
            pruned += float.IsFinite(gradients[i]) ? (double)gradients[i] * gradients[i] : 0;
        }

        Assert.AreEqual(Math.Sqrt(all - pruned), GradientNorm.Compute(parameters), 1e-10);
        Assert.IsNull(GradientNorm.FirstNonFinite(parameters));
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.NegativeInfinity)]
    public void A_bad_gradient_shows_in_the_norm_and_is_found(float bad)
    {
        using var parameters = Toy.Parameters();
        parameters.Gradients["conv.weight"].AsSpan<float>()[77] = bad;
        parameters.Gradients["tail"].AsSpan<float>()[0] = bad;

        Assert.IsFalse(double.IsFinite(GradientNorm.Compute(parameters)));
        var (parameter, index, value) = GradientNorm.FirstNonFinite(parameters)!.Value;
        Assert.AreEqual("conv.weight", parameter.Name);
        Assert.AreEqual(77, index);
        Assert.AreEqual(bad, value);
    }

    [TestMethod]
    public void Clipping_only_makes_smaller()
    {
        Assert.AreEqual(1, GradientNorm.ClipFactor(5, null));
        Assert.AreEqual(1, GradientNorm.ClipFactor(0.5, 1));
        Assert.AreEqual(1, GradientNorm.ClipFactor(0, 1));
        Assert.AreEqual(2 / (8 + 1e-6), GradientNorm.ClipFactor(8, 2));
    }
}
