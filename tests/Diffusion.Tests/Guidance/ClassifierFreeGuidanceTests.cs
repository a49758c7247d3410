using CompressTool.Diffusion.Guidance;

namespace CompressTool.Diffusion.Tests.Guidance;

[TestClass]
public sealed class ClassifierFreeGuidanceTests
{
    [TestMethod]
    [DataRow(7.5, 3.2f)]
    [DataRow(1.0, 0.6f)]
    [DataRow(0.0, 0.2f)]
    public void Prediction_is_pushed_away_from_that_without_the_condition(double scale, float expected)
    {
        var guided = new float[1];
        new ClassifierFreeGuidance(scale).Apply([0.2f], [0.6f], 1, guided);
        Assert.AreEqual(expected, guided[0], 1e-6f);
    }

    [TestMethod]
    public void Deviation_of_each_sample_is_brought_back()
    {
        float[] without = [0, 0, 0, 0, 1, 1, 1, 1], with = [1, -1, 2, -2, 2, 2, 0, 0], guided = new float[8];

        // Guided with 3: (3, -3, 6, -6) and (4, 4, -2, -2); deviations sqrt(90 / 3) and sqrt(36 / 3) against sqrt(10 / 3) and sqrt(4 / 3).
        new ClassifierFreeGuidance(3, 0.7).Apply(without, with, 4, guided);

        var factor = (0.7f / 3) + 0.3f;
        float[] expected = [3, -3, 6, -6, 4, 4, -2, -2];
        foreach (var (index, value) in guided.Index())
        {
            Assert.AreEqual(factor * expected[index], value, 1e-5f);
        }
    }

    [TestMethod]
    public void Constant_predictions_are_left_as_they_are()
    {
        var guided = new float[2];
        new ClassifierFreeGuidance(2, 1).Apply([1, 1], [2, 2], 2, guided);
        Assert.AreSequenceEqual([3f, 3], guided);
    }
}
