using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Engine;
using CompressTool.Training.Expressions;
using CompressTool.Training.Loop;
using CompressTool.Training.Optimization;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Training.Tests.Loop;

/// <summary>Graphs that are trained from end to end.</summary>
[TestClass]
public sealed class FunctionStepTests
{
    private const int Samples = 32, Inputs = 5, Hidden = 8;

    [TestMethod]
    public void A_graph_is_trained_in_place()
    {
        using var parameters = Parameters();
        using var function = Compile(4, parameters);
        using var step = new FunctionStep(function, parameters, terms: ["error", "penalty"]);
        using var trainer = new Trainer(parameters, step, Source(), Options(microBatch: null, batch: 4));
        var events = new TrainerTests.Events();

        trainer.Run(events);

        Assert.IsGreaterThan(0.5, events.All[0].Loss.Total);
        Assert.IsLessThan(0.05, events.All[^1].SmoothedLoss);
        var (loss, terms) = events.All[3].Loss;
        CollectionAssert.AreEqual(new[] { "error", "penalty" }, terms.Select(term => term.Name).ToArray());
        Assert.AreEqual(loss, terms.Sum(term => term.Value), 1e-6);
    }

    [TestMethod]
    public void Parts_of_a_batch_add_up_to_the_whole()
    {
        float[] Run(int size)
        {
            using var parameters = Parameters();
            using var function = Compile(size, parameters);
            using var step = new FunctionStep(function, parameters);
            using var trainer = new Trainer(parameters, step, Source(16), Options(size, 16) with { Steps = 5 });
            trainer.Run();
            return parameters.Values.Arrays.SelectMany(array => array.AsSpan<float>().ToArray()).ToArray();
        }

        var (whole, parts) = (Run(16), Run(4));
        for (var i = 0; i < whole.Length; i++)
        {
            Assert.AreEqual(whole[i], parts[i], 1e-5);
        }
    }

    [TestMethod]
    public void A_graph_is_trained_on_a_device_with_a_scaled_loss_as_on_the_host()
    {
        var engine = new OnnxRuntimeTrainingEngine();
        var named = new EngineOptions { Providers = [new ExecutionProvider("CPU")] };
        float[] Run(bool onDevice)
        {
            using var parameters = Parameters();
            using var model = Build(4, parameters);
            using var function = engine.CompileGradient(model, "loss", ["first", "second"], new GradientOptions { LossScale = onDevice }, onDevice ? named : null);
            using var step = new FunctionStep(function, parameters, device: onDevice ? new TrainingDevice(engine, named) : null);
            using var trainer = new Trainer(parameters, step, Source(16), Options(4, 16) with { Steps = 12, ClipNorm = 0.1, LossScale = onDevice ? new LossScaleOptions { GrowthInterval = 5 } : null });
            trainer.Run();
            return parameters.Values.Arrays.SelectMany(array => array.AsSpan<float>().ToArray()).ToArray();
        }

        var (host, device) = (Run(false), Run(true));
        for (var i = 0; i < host.Length; i++)
        {
            Assert.AreEqual(host[i], device[i], 1e-5);
        }
    }

    [TestMethod]
    public void A_training_of_a_graph_that_was_cut_off_ends_with_the_same_bits()
    {
        using var folder = new TempFolder();
        byte[] Run(TrainerOptions options, long stopAfter)
        {
            using var parameters = Parameters();
            using var function = Compile(4, parameters);
            using var step = new FunctionStep(function, parameters);
            using var trainer = new Trainer(parameters, step, Source(), options);
            using var cancel = new CancellationTokenSource();
            try
            {
                trainer.Run(new TrainerTests.Events { Seen = e => Stop(e, stopAfter, cancel) }, cancel.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.AreEqual(stopAfter, trainer.Step);
            }

            return ToyTraining.Bytes(trainer);
        }

        var options = Options(4, 4) with { Steps = 20, Average = new MovingAverageOptions() };
        var undisturbed = Run(options, long.MaxValue);
        Run(options with { CheckpointFolder = folder.Path }, 7);
        CollectionAssert.AreEqual(undisturbed, Run(options with { CheckpointFolder = folder.Path }, long.MaxValue));
    }

    [TestMethod]
    public void The_first_bad_value_of_a_graph_is_found()
    {
        using var parameters = Parameters();
        parameters.Values["second"].AsSpan<float>()[2] = float.MaxValue;
        using var function = Compile(4, parameters);
        using var step = new FunctionStep(function, parameters, search: new NonFiniteSearch(new OnnxRuntimeEngine(), () => Build(4, parameters)));
        using var trainer = new Trainer(parameters, step, Source(), Options(null, 4));

        var error = Assert.ThrowsExactly<CompressToolException>(() => trainer.Run());

        Assert.AreEqual(TrainingErrors.NonFiniteLoss, error.Code);
        StringAssert.Contains(error.Message, "the first bad value is output '");
        StringAssert.Contains(error.Message, " of the Mul '");
    }

    [TestMethod]
    public void Bad_data_and_bad_parameters_are_told_apart_from_bad_computations()
    {
        using var parameters = Parameters();
        var search = new NonFiniteSearch(new OnnxRuntimeEngine(), () => Build(4, parameters));
        using var batch = Source().Read(1, 0, CancellationToken.None);
        Assert.IsNull(search.Find(parameters, batch, CancellationToken.None));

        parameters.Values["first"].AsSpan<float>()[1] = float.NaN;
        Assert.AreEqual("the parameter 'first'", search.Find(parameters, batch, CancellationToken.None));
        parameters.Values["first"].AsSpan<float>()[1] = 0;
        batch.Arrays["target"].AsSpan<float>()[1] = float.NegativeInfinity;
        Assert.AreEqual("the data 'target'", search.Find(parameters, batch, CancellationToken.None));
    }

    [TestMethod]
    public void A_function_without_the_gradient_of_a_parameter_is_refused()
    {
        using var parameters = ParameterSet.Create([.. Parameters().Values.ToTensors(), new("third", Tensor.Float(1))]);
        using var fewer = Parameters();
        using var function = Compile(4, fewer);
        var error = Assert.ThrowsExactly<CompressToolException>(() => new FunctionStep(function, parameters));
        Assert.AreEqual("the function gives no gradient of the parameter 'third'", error.Message);
    }

    private static ParameterSet Parameters()
    {
        var stream = new RandomSource(3, "weights").Stream();
        var (first, second) = (new float[Inputs * Hidden], new float[Hidden]);
        stream.FillNormal(first);
        stream.FillNormal(second);
        return ParameterSet.Create([new("first", Tensor.Floats([Inputs, Hidden], first)), new("second", Tensor.Floats([Hidden, 1], second))]);
    }

    /// <summary>A perceptron with a hidden layer: the squared error, and a penalty on large outputs.</summary>
    private static Model Build(int batch, ParameterSet parameters)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        var x = builder.Input("x", DataType.Float, batch, Inputs);
        var target = builder.Input("target", DataType.Float, batch, 1);
        var first = builder.Input("first", DataType.Float, parameters.Values["first"].Dims);
        var second = builder.Input("second", DataType.Float, parameters.Values["second"].Dims);
        var output = x.MatMul(first).Tanh().MatMul(second);
        var error = (output - target).Square().Mean();
        var penalty = 1e-3 * output.Square().Mean();
        builder.AddOutput("error", error);
        builder.AddOutput("penalty", penalty);
        builder.AddOutput("loss", error + penalty);
        return model;
    }

    private static ICompiledFunction Compile(int batch, ParameterSet parameters)
    {
        using var model = Build(batch, parameters);
        return new OnnxRuntimeTrainingEngine().CompileGradient(model, "loss", ["first", "second"]);
    }

    private static ArraySource Source(int batchSize = 4)
    {
        var stream = new RandomSource(3, "data").Stream();
        var x = new float[Samples * Inputs];
        stream.FillNormal(x);
        var target = x.Chunk(Inputs).Select(row => (float)Math.Tanh(row[0] - (0.5 * row[1]) + (0.3 * row[4]))).ToArray();
        return new ArraySource([new("x", Tensor.Floats([Samples, Inputs], x)), new("target", Tensor.Floats([Samples, 1], target)), new("not an input", Tensor.Floats([Samples], new float[Samples]))], batchSize);
    }

    private static TrainerOptions Options(int? microBatch, int batch) => new()
    {
        Steps = 300 * 4 / batch,
        MicroBatch = microBatch,
        Optimizer = new AdamWOptions { LearningRate = 0.05, WeightDecay = 0 },
        Schedule = new LearningRateSchedule { Decay = LearningRateDecay.Linear },
        CheckpointInterval = TimeSpan.Zero,
    };

    private static void Stop(TrainingProgress progress, long after, CancellationTokenSource cancel)
    {
        if (progress.Step == after)
        {
            cancel.Cancel();
        }
    }
}
