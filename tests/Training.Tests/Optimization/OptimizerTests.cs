using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Optimization;

[TestClass]
public sealed class OptimizerTests
{
    private const int Steps = 50;

    public static IEnumerable<object[]> Options =>
    [
        [new SgdOptions { LearningRate = 0.02 }],
        [new SgdOptions { LearningRate = 0.02, Momentum = 0.9 }],
        [new SgdOptions { LearningRate = 0.02, Momentum = 0.9, WeightDecay = 0.1, DecayVectors = false }],
        [new SgdOptions { LearningRate = 0.02, Momentum = 0.8, WeightDecay = 0.1, Nesterov = true }],
        [new AdamOptions { LearningRate = 0.02 }],
        [new AdamOptions { LearningRate = 0.02, WeightDecay = 0.1, Beta1 = 0.8, Beta2 = 0.99 }],
        [new AdamWOptions { LearningRate = 0.02 }],
        [new AdamWOptions { LearningRate = 0.02, WeightDecay = 0.5, DecayVectors = false, Epsilon = 1e-3 }],
    ];

    [TestMethod]
    [DynamicData(nameof(Options))]
    public void An_optimizer_follows_its_definition(OptimizerOptions options)
    {
        using var parameters = Toy.Parameters();
        using var optimizer = options.Create(parameters);
        using var average = new MovingAverage(parameters, new MovingAverageOptions { Decay = 0.7 });
        var expected = new Reference(options, parameters) { AverageDecay = 0.7 };
        var random = new System.Random(2);
        double moved = 0;
        for (var step = 0; step < Steps; step++)
        {
            Toy.FillGradients(parameters, random);
            var rate = options.LearningRate * (1 + step) / Steps;
            const double scale = 0.625;
            optimizer.Step(rate, scale, average);
            moved += expected.Step(Toy.Flat(parameters.Gradients), rate, scale);
        }

        Assert.AreEqual(Steps, optimizer.StepCount);
        Assert.IsGreaterThan(0.05, moved);
        AssertClose(expected.Weights, Toy.Flat(parameters.Values));
        AssertClose(expected.Average, Toy.Flat(average.Values));
    }

    [TestMethod]
    public void Padding_stays_zero()
    {
        using var parameters = Toy.Parameters();
        using var optimizer = new AdamWOptions().Create(parameters);
        using var average = new MovingAverage(parameters, new MovingAverageOptions());
        for (var step = 0; step < 3; step++)
        {
            Toy.FillGradients(parameters, new System.Random(step));
            optimizer.Step(0.1, 1, average);
        }

        foreach (var block in new[] { parameters.Values, average.Values, optimizer.State[0].Block, optimizer.State[1].Block })
        {
            var bytes = Toy.Bytes(block);
            foreach (var slot in block.Layout.Slots)
            {
                for (var i = (slot.Offset + slot.Count) * 4; i < slot.End * 4; i++)
                {
                    Assert.AreEqual(0, bytes[i]);
                }
            }
        }
    }

    [TestMethod]
    [DynamicData(nameof(Options))]
    public void The_number_of_threads_changes_no_bit(OptimizerOptions options)
    {
        byte[] Run(int threads)
        {
            using var parameters = Toy.Parameters(7, [.. Toy.Shapes, ("huge", [3, 100_003])]);
            using var optimizer = options.Create(parameters);
            using var average = new MovingAverage(parameters, new MovingAverageOptions());
            optimizer.Threads = threads;
            for (var step = 0; step < 3; step++)
            {
                Toy.FillGradients(parameters, new System.Random(step));
                optimizer.Step(options.LearningRate, GradientNorm.ClipFactor(GradientNorm.Compute(parameters, threads), 1), average);
            }

            return [.. Toy.Bytes(parameters.Values), .. Toy.Bytes(average.Values)];
        }

        var one = Run(1);
        CollectionAssert.AreEqual(one, Run(2));
        CollectionAssert.AreEqual(one, Run(7));
    }

    [TestMethod]
    [DynamicData(nameof(Options))]
    public void Pruned_weights_stay_zero_and_the_others_do_as_without_a_mask(OptimizerOptions options)
    {
        using var masked = Toy.Parameters();
        using var plain = Toy.Parameters();
        var masks = new Dictionary<string, ParameterMask>();
        foreach (var name in new[] { "seventeen", "conv.weight", "large" })
        {
            var mask = masks[name] = new ParameterMask(masked.Values[name].Count);
            for (var i = 0; i < mask.Count; i += 3)
            {
                mask[i] = false;
            }

            masked.SetMask(name, mask);
        }

        using var first = options.Create(masked);
        using var second = options.Create(plain);
        using var firstAverage = new MovingAverage(masked, new MovingAverageOptions());
        using var secondAverage = new MovingAverage(plain, new MovingAverageOptions());
        for (var step = 0; step < 5; step++)
        {
            Toy.FillGradients(masked, new System.Random(step));
            Toy.FillGradients(plain, new System.Random(step));
            masked.Gradients["large"].AsSpan<float>()[3] = float.NaN; // a pruned weight's
            first.Step(options.LearningRate, 1, firstAverage);
            second.Step(options.LearningRate, 1, secondAverage);
        }

        foreach (var slot in masked.Layout.Slots)
        {
            foreach (var (a, b) in new[] { (masked.Values, plain.Values), (firstAverage.Values, secondAverage.Values) })
            {
                var x = a[slot.Name].AsSpan<float>();
                var y = b[slot.Name].AsSpan<float>();
                for (var i = 0; i < x.Length; i++)
                {
                    var kept = !masks.TryGetValue(slot.Name, out var mask) || mask[i];
                    Assert.AreEqual(kept ? y[i] : 0, x[i], $"{slot.Name}[{i}]");
                }
            }
        }
    }

    [TestMethod]
    public void Weight_decay_can_be_chosen_for_each_parameter()
    {
        using var parameters = Toy.Parameters();
        using var optimizer = new AdamWOptions { WeightDecay = 0.5 }.Create(parameters);
        optimizer.SetWeightDecay("sixteen", false);
        parameters.Gradients.Clear();
        var (with, without) = (parameters.Values["conv.weight"].AsSpan<float>()[5], parameters.Values["sixteen"].AsSpan<float>()[5]);

        optimizer.Step(0.1);

        Assert.AreEqual(with * 0.95f, parameters.Values["conv.weight"].AsSpan<float>()[5]);
        Assert.AreEqual(without, parameters.Values["sixteen"].AsSpan<float>()[5]);
    }

    [TestMethod]
    public void A_resumed_optimizer_does_as_the_undisturbed_one()
    {
        using var parameters = Toy.Parameters();
        using var optimizer = new AdamOptions().Create(parameters);
        using var copy = Toy.Parameters();
        using var resumed = new AdamOptions().Create(copy);
        for (var step = 0; step < 6; step++)
        {
            Toy.FillGradients(parameters, new System.Random(step));
            if (step == 3)
            {
                copy.Values.CopyFrom(parameters.Values);
                resumed.State[0].Block.CopyFrom(optimizer.State[0].Block);
                resumed.State[1].Block.CopyFrom(optimizer.State[1].Block);
                resumed.Resume(optimizer.StepCount);
            }

            optimizer.Step(0.01);
            if (step >= 3)
            {
                Toy.FillGradients(copy, new System.Random(step));
                resumed.Step(0.01);
            }
        }

        CollectionAssert.AreEqual(Toy.Bytes(parameters.Values), Toy.Bytes(copy.Values));
    }

    [TestMethod]
    public void Options_out_of_range_are_refused()
    {
        using var parameters = Toy.Parameters();
        void Fails(string expected, OptimizerOptions options)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => options.Create(parameters));
            Assert.AreEqual(TrainingErrors.InvalidOption, error.Code);
            Assert.AreEqual(expected, error.Message);
        }

        Fails("the learning rate is -0.1; it must be 0 or more", new SgdOptions { LearningRate = -0.1 });
        Fails("the learning rate is NaN; it must be 0 or more", new AdamOptions { LearningRate = double.NaN });
        Fails("the momentum is 1; it must be from 0 to less than 1", new SgdOptions { Momentum = 1 });
        Fails("the momentum is 0; it must be more than 0 for Nesterov's", new SgdOptions { Nesterov = true });
        Fails("beta2 is 1; it must be from 0 to less than 1", new AdamWOptions { Beta2 = 1 });
        Fails("epsilon is 1E-50; it must be more than 0", new AdamWOptions { Epsilon = 1e-50 });
        Fails("the weight decay is -1; it must be 0 or more", new AdamWOptions { WeightDecay = -1 });
    }

    /// <summary>All weights within 1e-6 of their size, and each within 1e-6 of its own or of 1.</summary>
    private static void AssertClose(double[] expected, float[] actual)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        double difference = 0, size = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 1e-6 * Math.Max(Math.Abs(expected[i]), 1), $"{i}");
            difference += (expected[i] - actual[i]) * (expected[i] - actual[i]);
            size += expected[i] * expected[i];
        }

        Assert.IsLessThan(1e-6, Math.Sqrt(difference / size));
    }
}
