using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.Loop.Places;
using CompressTool.Training.Optimization;
using CompressTool.Training.Tests.Optimization;

namespace CompressTool.Training.Tests.Loop;

/// <summary>Training on a device, for which the CPU stands in: everything takes the way that it takes with another provider.</summary>
[TestClass]
public sealed class DevicePlaceTests
{
    private static readonly TrainingDevice s_device = new(new OnnxRuntimeEngine(), new EngineOptions { Providers = [new ExecutionProvider("CPU")] });

    [TestMethod]
    [DynamicData(nameof(OptimizerTests.Options), typeof(OptimizerTests))]
    public void A_device_makes_the_steps_of_the_host(OptimizerOptions options)
    {
        // Adam makes full steps of gradients that are hardly more than rounding, unless its epsilon is larger than that.
        options = options is AdamOptions adam ? adam with { Epsilon = 1e-3 } : options;
        using var host = new Bench(options, onDevice: false);
        using var device = new Bench(options, onDevice: true);
        for (var step = 0; step < 10; step++)
        {
            var (expected, actual) = (host.Step(step), device.Step(step));
            Assert.AreEqual(expected, actual, 1e-6 * expected);
        }

        device.Place.Store();
        foreach (var (expected, actual) in host.Blocks.Zip(device.Blocks))
        {
            AssertClose(Toy.Flat(expected), Toy.Flat(actual));
        }

        Assert.AreEqual(host.Optimizer.StepCount, device.Optimizer.StepCount);
        var conv = device.Parameters.Values["conv.weight"].AsSpan<float>();
        Assert.AreEqual(0, conv[5], "a pruned weight stays zero");
        Assert.AreNotEqual(0, conv[6]);
    }

    [TestMethod]
    public void Pruned_gradients_do_not_count_even_when_they_are_not_finite()
    {
        using var device = new Bench(new AdamWOptions(), onDevice: true) { Spoil = gradients => gradients["conv.weight"].AsSpan<float>()[5] = float.NaN };
        Assert.IsTrue(double.IsFinite(device.Step(0)));
        device.Place.Store();
        Assert.IsFalse(Toy.Flat(device.Parameters.Values).Any(float.IsNaN));

        using var bad = new Bench(new AdamWOptions(), onDevice: true) { Spoil = gradients => gradients["conv.weight"].AsSpan<float>()[6] = float.PositiveInfinity };
        Assert.IsFalse(double.IsFinite(bad.Step(0)));
    }

    [TestMethod]
    public void Steps_copy_no_parameters()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new LogisticDeviceStep(parameters, s_device);
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options(steps: 12) with { EvaluateEvery = 0 });
        trainer.Run();

        // Values, average and two moments: once there before the first step and once back after the last; the rest is what the step of the test copies itself.
        var copied = ((DevicePlace)trainer.Place).BytesCopied - step.BytesCopied;
        Assert.AreEqual(2 * 4 * parameters.Layout.Count * sizeof(float), copied);
    }

    [TestMethod]
    public void A_training_on_a_device_ends_where_one_on_the_host_does()
    {
        using var parameters = ToyTraining.Parameters();
        using var trainer = new Trainer(parameters, new LogisticDeviceStep(parameters, s_device), ToyTraining.Source(), ToyTraining.Options());
        var result = trainer.Run();

        using var others = ToyTraining.Parameters();
        using var host = new Trainer(others, new LogisticStep(others), ToyTraining.Source(), ToyTraining.Options());
        Assert.AreEqual(host.Run().SmoothedLoss, result.SmoothedLoss, 1e-5);
        AssertClose(Toy.Flat(others.Values), Toy.Flat(parameters.Values));
        AssertClose(Toy.Flat(host.Average!.Values), Toy.Flat(trainer.Average!.Values));
    }

    [TestMethod]
    public void A_training_on_a_device_that_was_cut_off_ends_with_the_same_bits()
    {
        using var folder = new TempFolder();
        byte[] Run(TrainerOptions options, long stopAfter = long.MaxValue)
        {
            using var parameters = ToyTraining.Parameters();
            using var trainer = new Trainer(parameters, new LogisticDeviceStep(parameters, s_device), ToyTraining.Source(), options);
            using var cancel = new CancellationTokenSource();
            try
            {
                trainer.Run(new TrainerTests.Events { Seen = progress => Stop(progress, stopAfter, cancel) }, cancel.Token);
                Assert.AreEqual(stopAfter == long.MaxValue && options.CheckpointFolder is not null ? 7L : null, trainer.Resumed?.Step);
            }
            catch (OperationCanceledException)
            {
                Assert.AreEqual(stopAfter, trainer.Step);
            }

            return ToyTraining.Bytes(trainer);
        }

        var undisturbed = Run(ToyTraining.Options());
        Run(ToyTraining.Options(folder.Path), 7);
        CollectionAssert.AreEqual(undisturbed, Run(ToyTraining.Options(folder.Path)));
    }

    [TestMethod]
    public void A_bad_gradient_on_a_device_is_named()
    {
        using var parameters = ToyTraining.Parameters();
        var step = new LogisticDeviceStep(parameters, s_device);
        step.Host.After = (loss, gradients) =>
        {
            gradients["weight"].AsSpan<float>()[3] = step.Host.Calls > 6 ? float.NaN : 0;
            return loss;
        };
        using var trainer = new Trainer(parameters, step, ToyTraining.Source(), ToyTraining.Options());

        var error = Assert.ThrowsExactly<CompressToolException>(() => trainer.Run());

        Assert.AreEqual(TrainingErrors.NonFiniteGradient, error.Code);
        StringAssert.Contains(error.Message, "the gradient of 'weight' is NaN at element 3 in step 3 of 30");
    }

    [TestMethod]
    public void The_CPU_is_no_device()
    {
        var engine = new OnnxRuntimeEngine();
        Assert.IsNull(TrainingDevice.Of(engine, null));
        Assert.IsNull(TrainingDevice.Of(engine, new EngineOptions()));
        Assert.IsNull(TrainingDevice.Of(engine, new EngineOptions { Providers = [new ExecutionProvider("CPUExecutionProvider")] }));
        Assert.IsNotNull(TrainingDevice.Of(engine, new EngineOptions { Providers = [new ExecutionProvider("CUDA")] }));
    }

    private static void AssertClose(float[] expected, float[] actual)
    {
        Assert.HasCount(expected.Length, actual);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.AreEqual(expected[i], actual[i], 2e-6 * (1 + Math.Abs(expected[i])));
        }
    }

    private static void Stop(TrainingProgress progress, long after, CancellationTokenSource cancel)
    {
        if (progress.Step == after)
        {
            cancel.Cancel();
        }
    }

    /// <summary>An optimizer with pruned weights and an average, and reproducible gradients.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly Batch _batch = new(3, new Dictionary<string, NativeArray> { ["x"] = new(DataType.Float, 3) });
        private readonly MovingAverage _average;

        public Bench(OptimizerOptions options, bool onDevice)
        {
            Parameters = Toy.Parameters();
            Parameters.SetMask("conv.weight", new ParameterMask(8 * 4 * 3 * 3) { [5] = false });
            Optimizer = options.Create(Parameters);
            _average = new MovingAverage(Parameters, new MovingAverageOptions { Decay = 0.7 });
            var step = new RandomStep(this);
            Place = onDevice ? new DevicePlace(step, s_device, Optimizer, _average, 2) : new HostPlace(step, Optimizer, _average, 2);
            Place.Load(CancellationToken.None);
        }

        public ParameterSet Parameters { get; }

        public Optimizer Optimizer { get; }

        public TrainingPlace Place { get; }

        public Action<ParameterBlock>? Spoil { get; init; }

        public IEnumerable<ParameterBlock> Blocks => [Parameters.Values, _average.Values, .. Optimizer.State.Select(state => state.Block)];

        /// <summary>Makes a step and returns the norm of the gradients, of which the largest are clipped.</summary>
        public double Step(int step)
        {
            Place.Compute(_batch, CancellationToken.None);
            var norm = Place.GradientNorm();
            Place.Update(0.02 / (step + 1), GradientNorm.ClipFactor(norm, 100));
            return norm;
        }

        public void Dispose()
        {
            Place.Dispose();
            _average.Dispose();
            Optimizer.Dispose();
            Parameters.Dispose();
            _batch.Dispose();
        }
    }

    /// <summary>Random gradients, the same on host and device.</summary>
    private sealed class RandomStep(Bench bench) : IDeviceTrainingStep
    {
        private int _calls;

        public TrainingDevice? Device => s_device;

        public LossValue Compute(Batch batch, ParameterBlock gradients, CancellationToken cancellationToken)
        {
            var random = new System.Random(++_calls);
            foreach (var array in gradients.Arrays)
            {
                Toy.Numbers(random, array.Count).CopyTo(array.AsSpan<float>());
            }

            bench.Spoil?.Invoke(gradients);
            return new LossValue(_calls);
        }

        public LossValue Compute(Batch batch, DeviceBlock values, DeviceBlock gradients, CancellationToken cancellationToken)
        {
            using var host = bench.Parameters.NewBlock();
            var loss = Compute(batch, host, cancellationToken);
            gradients.CopyFrom(host);
            return loss;
        }
    }

    /// <summary>The logistic regression, computed on the host: it fetches the parameters and brings the gradients.</summary>
    private sealed class LogisticDeviceStep(ParameterSet parameters, TrainingDevice device) : IDeviceTrainingStep
    {
        private readonly ParameterBlock _gradients = parameters.NewBlock();

        public LogisticStep Host { get; } = new(parameters);

        public TrainingDevice? Device => device;

        public long BytesCopied { get; private set; }

        public LossValue Compute(Batch batch, ParameterBlock gradients, CancellationToken cancellationToken) => throw new InvalidOperationException("The host was asked.");

        public LossValue Compute(Batch batch, DeviceBlock values, DeviceBlock gradients, CancellationToken cancellationToken)
        {
            values.CopyTo(parameters.Values);
            var loss = Host.Compute(batch, _gradients, cancellationToken);
            gradients.CopyFrom(_gradients);
            BytesCopied += 2 * parameters.Layout.Count * sizeof(float);
            return loss;
        }
    }
}
