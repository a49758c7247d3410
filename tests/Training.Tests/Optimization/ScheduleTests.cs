using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Optimization;

[TestClass]
public sealed class ScheduleTests
{
    [TestMethod]
    [DataRow(LearningRateDecay.Constant, new[] { 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1 })]
    [DataRow(LearningRateDecay.Linear, new[] { 0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25, 0 })]
    [DataRow(LearningRateDecay.Cosine, new[] { 0.25, 0.5, 0.75, 1, 1, 0.8535533905932737, 0.5, 0.14644660940672627, 0 })]
    public void The_rate_rises_and_falls(LearningRateDecay decay, double[] expected)
    {
        var schedule = new LearningRateSchedule { Decay = decay, WarmUpSteps = 4 };
        for (var step = 0; step < expected.Length; step++)
        {
            Assert.AreEqual(expected[step], schedule.FactorAt(step, 8), 1e-12, $"{step}");
        }
    }

    [TestMethod]
    public void The_rate_falls_to_its_final_fraction()
    {
        Assert.AreEqual(0.1, new LearningRateSchedule { Decay = LearningRateDecay.Cosine, FinalFraction = 0.1 }.FactorAt(100, 100), 1e-12);
        Assert.AreEqual(0.55, new LearningRateSchedule { Decay = LearningRateDecay.Linear, FinalFraction = 0.1 }.FactorAt(50, 100), 1e-12);
        Assert.AreEqual(1, new LearningRateSchedule { Decay = LearningRateDecay.Cosine }.FactorAt(0, 100));
    }

    [TestMethod]
    public void Schedules_out_of_range_are_refused()
    {
        Assert.ThrowsExactly<CompressToolException>(() => new LearningRateSchedule { WarmUpSteps = -1 }.Check());
        Assert.ThrowsExactly<CompressToolException>(() => new LearningRateSchedule { FinalFraction = 1.5 }.Check());
        Assert.ThrowsExactly<CompressToolException>(() => new MovingAverageOptions { Decay = 1 }.Check());
    }

    [TestMethod]
    public void The_decay_of_an_average_warms_up()
    {
        // (1 + s) / (10 + s) by hand, capped.
        var options = new MovingAverageOptions { Decay = 0.9999 };
        foreach (var (step, expected) in new[] { (1L, 0.181818), (10, 0.55), (100, 0.918182), (1000, 0.991089), (100_000, 0.9999) })
        {
            Assert.AreEqual(expected, options.DecayAt(step), 1e-6);
        }

        Assert.AreEqual(0.9, new MovingAverageOptions { Decay = 0.9, WarmUp = false }.DecayAt(1));
    }
}
