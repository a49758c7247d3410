using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;
using CompressTool.Training.Tests.Optimization;

namespace CompressTool.Training.Tests.Loop;

[TestClass]
public sealed class TrainerTests
{
    public static IEnumerable<object[]> Optimizers =>
    [
        [new SgdOptions { LearningRate = 0.5, Momentum = 0.9 }],
        [new SgdOptions { LearningRate = 0.5, Momentum = 0.9, Nesterov = true }],
        [new AdamOptions { LearningRate = 0.05 }],
        [new AdamWOptions { LearningRate = 0.05 }],
    ];

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Logistic_regression_converges(OptimizerOptions optimizer)
    {
        using var parameters = ToyTraining.Parameters();
        using var trainer = new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(16), new TrainerOptions
        {
            Steps = 300,
            Optimizer = optimizer,
            Schedule = new LearningRateSchedule { Decay = LearningRateDecay.Linear },
        });
        var events = new Events();

        var result = trainer.Run(events);

        Assert.IsGreaterThan(0.5, events.All[0].Loss.Total);
        Assert.IsLessThan(0.15, result.SmoothedLoss);
        Assert.AreEqual(events.All[^1].SmoothedLoss, result.SmoothedLoss);
        Assert.AreEqual(300, result.Steps);
    }

    [TestMethod]
    public void Progress_tells_how_the_training_stands()
    {
        using var parameters = ToyTraining.Parameters();
        var clock = new Clock();
        var step = new LogisticStep(parameters) { Before = (_, _) => clock.Now += TimeSpan.FromSeconds(0.25) };
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options(steps: 10) with { MicroBatch = 4, EvaluateEvery = 4 }) { Clock = clock };
        trainer.Evaluate = (self, _) => self.Step * 100;
        var events = new Events();

        var result = trainer.Run(events);

        Assert.HasCount(10, events.All);
        var third = events.All[2];
        Assert.AreEqual((3, 10), (third.Step, third.Steps));
        Assert.AreEqual(0.05 * 3 / 4, third.LearningRate, 1e-15);
        Assert.AreEqual(8 / 0.5, third.SamplesPerSecond, 1e-9);
        Assert.AreEqual(TimeSpan.FromSeconds(3.5), third.TimeLeft);
        Assert.AreEqual(third.Loss.Total, third.Loss.Terms.Single(term => term.Name == "entropy").Value);
        double sum = 0, weight = 0;
        for (var i = 0; i < 10; i++)
        {
            sum = (0.98 * sum) + (0.02 * events.All[i].Loss.Total);
            weight = (0.98 * weight) + 0.02;
            Assert.AreEqual(sum / weight, events.All[i].SmoothedLoss, 1e-12);
            Assert.IsGreaterThan(0, events.All[i].GradientNorm);
        }

        CollectionAssert.AreEqual(new (long, double)[] { (4, 400), (8, 800), (10, 1000) }, result.Evaluations.ToArray());
        CollectionAssert.AreEqual(new double?[] { null, null, null, 400, null, null, null, 800, null, 1000 }, events.All.Select(e => e.Evaluation).ToArray());
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    [DataRow(8)]
    [DataRow(100)]
    public void Accumulated_gradients_are_those_of_the_whole_batch(int microBatch)
    {
        double[] Run(int? size)
        {
            using var parameters = ToyTraining.Parameters();
            var options = ToyTraining.Options() with { MicroBatch = size, Optimizer = new SgdOptions { LearningRate = 0.3, Momentum = 0.9 } };
            using var trainer = new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(), options);
            var events = new Events();
            trainer.Run(events);
            return [.. Toy.Flat(parameters.Values).Take(ToyTraining.Features + 1).Select(x => (double)x), .. events.All.Select(e => e.Loss.Total), .. events.All.Select(e => e.Loss.Terms[0].Value)];
        }

        var (whole, parts) = (Run(null), Run(microBatch));
        for (var i = 0; i < whole.Length; i++)
        {
            Assert.AreEqual(whole[i], parts[i], 1e-5 * Math.Max(1, Math.Abs(whole[i])), $"{i}");
        }
    }

    [TestMethod]
    public void Gradients_are_clipped_and_the_average_is_kept()
    {
        using var parameters = ToyTraining.Parameters();
        using var trainer = new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(), ToyTraining.Options(steps: 1) with
        {
            Optimizer = new SgdOptions { LearningRate = 1 },
            Schedule = new LearningRateSchedule(),
            ClipNorm = 0.01,
            Average = new MovingAverageOptions { Decay = 0.75, WarmUp = false },
        });
        var before = Toy.Flat(parameters.Values);

        trainer.Run();

        var after = Toy.Flat(parameters.Values);
        Assert.AreEqual(0.01, Math.Sqrt(before.Zip(after, (a, b) => ((double)a - b) * (a - b)).Sum()), 1e-6);
        var average = Toy.Flat(trainer.Average!.Values);
        Assert.AreEqual((0.75 * before[1]) + (0.25 * after[1]), average[1], 1e-7);
    }

    [TestMethod]
    public void A_loss_that_is_not_finite_ends_the_training_before_it_harms_the_parameters()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new LogisticStep(parameters);
        step.After = (loss, _) => step.Calls <= 3 * 2 ? loss : new LossValue(double.NaN, [new("entropy", 1), new("features", double.NaN)]);
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options() with { MicroBatch = 4 });
        byte[] last = [];
        var events = new Events { Seen = _ => last = ToyTraining.Bytes(trainer) };

        var error = Assert.ThrowsExactly<CompressToolException>(() => trainer.Run(events));

        Assert.AreEqual(TrainingErrors.NonFiniteLoss, error.Code);
        Assert.AreEqual("the loss (its term 'features') is NaN in step 4 of 30; the first bad value is among 4 samples; lower the learning rate, warm up longer, or clip the gradients", error.Message);
        Assert.HasCount(3, events.All);
        CollectionAssert.AreEqual(last, ToyTraining.Bytes(trainer));
    }

    [TestMethod]
    public void A_gradient_that_is_not_finite_is_named()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new LogisticStep(parameters)
        {
            After = (loss, gradients) =>
            {
                gradients["weight"].AsSpan<float>()[7] = float.PositiveInfinity;
                return loss;
            },
        };
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options() with { MicroBatch = null });

        var error = Assert.ThrowsExactly<CompressToolException>(() => trainer.Run());

        Assert.AreEqual(TrainingErrors.NonFiniteGradient, error.Code);
        StringAssert.StartsWith(error.Message, "the gradient of 'weight' is Infinity at element 7 in step 1 of 30; the first bad value is among 8 samples");
    }

    [TestMethod]
    public void Options_out_of_range_are_refused()
    {
        using var parameters = ToyTraining.Parameters();
        void Fails(string expected, TrainerOptions options)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(), options));
            Assert.AreEqual(TrainingErrors.InvalidOption, error.Code);
            Assert.AreEqual(expected, error.Message);
        }

        Fails("the number of steps is -1; it must be 0 or more", ToyTraining.Options(steps: -1));
        Fails("the micro-batch size is 0; it must be 1 or more", ToyTraining.Options() with { MicroBatch = 0 });
        Fails("the norm to clip gradients at is 0; it must be more than 0", ToyTraining.Options() with { ClipNorm = 0 });
        Fails("the number of checkpoints to keep is 0; it must be 1 or more", ToyTraining.Options() with { KeepCheckpoints = 0 });
        Fails("the number of batches to read ahead is 0; it must be 1 or more", ToyTraining.Options() with { Prefetch = 0 });
        Fails("the decay of the moving average is 1.5; it must be from 0 to less than 1", ToyTraining.Options() with { Average = new MovingAverageOptions { Decay = 1.5 } });
    }

    internal sealed class Events : IProgress<TrainingProgress>
    {
        public List<TrainingProgress> All { get; } = [];

        public Action<TrainingProgress>? Seen { get; init; }

        public void Report(TrainingProgress value)
        {
            All.Add(value);
            Seen?.Invoke(value);
        }
    }

    private sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
