using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Loop;

/// <summary>Scaled losses, with a step whose gradients overflow above a bound as those in float16 do.</summary>
[TestClass]
public sealed class LossScaleTests
{
    [TestMethod]
    public void A_scale_changes_nothing_but_is_lowered_when_gradients_overflow()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new HalfStep(parameters, overflowsAbove: 1000);
        var options = ToyTraining.Options() with { LossScale = new LossScaleOptions() };
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), options);
        trainer.Run();

        // Powers of two change no digits, so neither do they change the training.
        CollectionAssert.AreEqual(ToyTraining.Undisturbed(ToyTraining.Options()), ToyTraining.Bytes(trainer));
        Assert.AreEqual(65536, step.Scales[0]);
        Assert.AreEqual(512, step.Scales[^1], "halved until the gradients are finite");
        Assert.AreEqual(8, step.Scales.Distinct().Count());
    }

    [TestMethod]
    public void A_scale_grows_again()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new HalfStep(parameters, overflowsAbove: 50);
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options(steps: 10) with { MicroBatch = null, LossScale = new LossScaleOptions { Initial = 8, GrowthInterval = 3 } });
        trainer.Run();

        CollectionAssert.AreEqual(new double[] { 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 32 }, step.Scales);
    }

    [TestMethod]
    public void A_fixed_scale_stays_and_what_overflows_with_it_is_an_error()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new HalfStep(parameters, overflowsAbove: 50);
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options() with { LossScale = new LossScaleOptions { Initial = 64, Dynamic = false } });
        Assert.AreEqual(TrainingErrors.NonFiniteGradient, Assert.ThrowsExactly<CompressToolException>(() => trainer.Run()).Code);
    }

    [TestMethod]
    public void Gradients_that_are_not_finite_at_any_scale_are_an_error()
    {
        using var parameters = ToyTraining.Parameters();
        using var trainer = new Trainer(parameters, new HalfStep(parameters, overflowsAbove: 0), ToyTraining.Source(), ToyTraining.Options() with { LossScale = new LossScaleOptions() });
        Assert.AreEqual(TrainingErrors.NonFiniteGradient, Assert.ThrowsExactly<CompressToolException>(() => trainer.Run()).Code);
    }

    [TestMethod]
    public void A_step_that_cannot_scale_is_refused()
    {
        using var parameters = ToyTraining.Parameters();
        var error = Assert.ThrowsExactly<CompressToolException>(() => new Trainer(parameters, new LogisticStep(parameters), ToyTraining.Source(), ToyTraining.Options() with { LossScale = new LossScaleOptions() }));
        Assert.AreEqual(TrainingErrors.InvalidOption, error.Code);
    }

    [TestMethod]
    public void The_scale_is_part_of_checkpoints()
    {
        using var folder = new TempFolder();
        var options = ToyTraining.Options(folder.Path, steps: 20) with { MicroBatch = null, LossScale = new LossScaleOptions { Initial = 8, GrowthInterval = 3 } };
        List<double> Run(TrainerOptions options, long stopAfter)
        {
            using var parameters = ToyTraining.Parameters();
            var step = new HalfStep(parameters, overflowsAbove: 50);
            using var trainer = new Trainer(parameters, step, ToyTraining.Source(), options);
            using var cancel = new CancellationTokenSource();
            try
            {
                trainer.Run(new TrainerTests.Events { Seen = progress => Stop(progress, stopAfter, cancel) }, cancel.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.AreEqual(stopAfter, trainer.Step);
            }

            return step.Scales;
        }

        var undisturbed = Run(options with { CheckpointFolder = null }, long.MaxValue);
        var first = Run(options, 5);
        CollectionAssert.AreEqual(undisturbed, first.Concat(Run(options, long.MaxValue)).ToList());
    }

    private static void Stop(TrainingProgress progress, long after, CancellationTokenSource cancel)
    {
        if (progress.Step == after)
        {
            cancel.Cancel();
        }
    }

    /// <summary>The logistic regression with scaled gradients.</summary>
    private sealed class HalfStep(ParameterSet parameters, double overflowsAbove) : IScaledTrainingStep
    {
        private readonly LogisticStep _step = new(parameters);

        public bool CanScale => true;

        public double LossScale { get; set; } = 1;

        public List<double> Scales { get; } = [];

        public LossValue Compute(Batch batch, ParameterBlock gradients, CancellationToken cancellationToken)
        {
            Scales.Add(LossScale);
            var loss = _step.Compute(batch, gradients, cancellationToken);
            foreach (var array in gradients.Arrays)
            {
                foreach (ref var gradient in array.AsSpan<float>())
                {
                    gradient *= (float)LossScale;
                }
            }

            if (LossScale > overflowsAbove)
            {
                gradients["weight"].AsSpan<float>()[3] = float.PositiveInfinity;
            }

            return loss;
        }
    }
}
