using System.Text.Json.Nodes;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Aware;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Runtime;

namespace CompressTool.Compression.Tests.Quantization.Aware;

/// <summary>The stage quantize with training, on a small network that one scale for a whole weight fits badly.</summary>
[TestClass]
public sealed class AwareTrainingTests
{
    private const int Samples = 256, Inputs = 6, Hidden = 24, Outputs = 3;

    public required TestContext TestContext { get; init; }

    [TestMethod]
    public void Training_brings_the_quantized_model_closer_to_the_float_model()
    {
        using var folder = new TempFolder();
        var x = WriteData(folder);
        var options = Options(folder);

        var (before, _) = Quantize(options with { Training = null }, x);
        var (after, metrics) = Quantize(options, x);

        var training = metrics["training"]!;
        TestContext.WriteLine($"{before:E2} to {after:E2}; {training["outputErrorBefore"]} to {training["outputError"]}");
        Assert.IsLessThan(0.3 * before, after);
        Assert.AreEqual(before, (double)training["outputErrorBefore"]!, 0.2 * before, "the training sees the error that the quantized model has");
        Assert.AreEqual(after, (double)training["outputError"]!, 0.2 * after);
        Assert.AreEqual(150, (long)training["steps"]!);
        Assert.IsNull(training["taskLoss"], "nothing but the float model says what is right");
    }

    [TestMethod]
    public void A_training_that_was_cut_off_ends_with_the_same_bits()
    {
        using var folder = new TempFolder();
        WriteData(folder);
        var options = Options(folder);
        options = options with { Training = options.Training! with { Steps = 40 } };
        byte[] Run(StageContext context)
        {
            using var model = Network();
            return new QuantizeStage().Run(model, (object)options, context).Model.ToBytes();
        }

        var undisturbed = Run(new StageContext { Seed = 3 });
        using var cancellation = new CancellationTokenSource();
        StageContext Context(IProgress<StageProgress> progress, CancellationToken token) => new() { Seed = 3, WorkFolder = folder.File("work"), Progress = progress, CancellationToken = token };
        Assert.Throws<OperationCanceledException>(() => Run(Context(
            new DirectProgress<StageProgress>(progress =>
            {
                if (progress.Activity.StartsWith("step 2", StringComparison.Ordinal))
                {
                    cancellation.Cancel();
                }
            }),
            cancellation.Token)));
        var steps = 0;
        var last = 0.0;
        var again = Run(Context(
            new DirectProgress<StageProgress>(progress =>
            {
                steps += progress.Activity.StartsWith("step ", StringComparison.Ordinal) ? 1 : 0;
                Assert.IsGreaterThanOrEqualTo(last, last = progress.Fraction);
            }),
            CancellationToken.None));

        Assert.IsLessThan(40, steps);
        CollectionAssert.AreEqual(undisturbed, again);
    }

    [TestMethod]
    public void Options_are_checked_at_their_place()
    {
        var training = new QuantizationTrainingOptions { Data = new TrainingData { Tensors = new RecipePath("x.safetensors", "/x.safetensors") }, Steps = 5 };

        Assert.AreEqual("", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int8, Training = training }));
        Assert.AreEqual("", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int16, Training = training }));
        Assert.AreEqual("training|", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int8Dynamic, Training = training with { LearningRate = 0 } }));
        Assert.AreEqual("training.warm-up|training.learning-rate|", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int8, Training = training with { LearningRate = 0, WarmUp = 6 } }));
        Assert.AreEqual("training.data|", Errors(new QuantizeOptions { Scheme = QuantizationScheme.Int8, Training = training with { Data = new TrainingData() } }));
    }

    private static string Errors(QuantizeOptions options)
    {
        var errors = new OptionErrors();
        ((IStage)new QuantizeStage()).Validate(options, errors);
        return string.Concat(errors.Items.Select(item => item.Path + "|"));
    }

    private static QuantizeOptions Options(TempFolder folder)
    {
        var data = new TrainingData { Tensors = new RecipePath("data.safetensors", folder.File("data.safetensors")) };
        return new QuantizeOptions
        {
            Scheme = QuantizationScheme.Int8,
            PerChannel = false,
            Calibration = new CalibrationOptions { Data = data, Method = CalibrationMethod.MinMax },
            Training = new QuantizationTrainingOptions { Data = data, Steps = 150, Batch = 32, LearningRate = 0.005, Schedule = RateSchedule.Cosine, Ema = null },
        };
    }

    /// <summary>The mean squared error of the quantized network to the float one, as the graph says it, and the metrics.</summary>
    private static (double Error, JsonObject Metrics) Quantize(QuantizeOptions options, Tensor x)
    {
        using var model = Network();
        var feeds = new Dictionary<string, Tensor> { ["x"] = x };
        var wanted = ModelRunner.Run(model.ToBytes(), feeds)["y"].ToFloats();
        var result = new QuantizeStage().Run(model, (object)options, new StageContext { Seed = 3 });
        var given = ModelRunner.Run(result.Model.ToBytes(), feeds, GraphOptimizationLevel.DisableAll)["y"].ToFloats();
        return (wanted.Zip(given).Average(pair => Math.Pow(pair.First - pair.Second, 2)), result.Metrics);
    }

    /// <summary>Inputs of two dimensions in six, the first of them zero, so that rounding errors can make up for each other.</summary>
    private static Tensor WriteData(TempFolder folder)
    {
        var random = new Random(9);
        var directions = Numbers(random, 2 * Inputs, 1);
        (directions[0], directions[Inputs]) = (0, 0);
        var x = new float[Samples * Inputs];
        for (var sample = 0; sample < Samples; sample++)
        {
            var (a, b) = ((float)((random.NextDouble() * 2) - 1), (float)((random.NextDouble() * 2) - 1));
            for (var input = 0; input < Inputs; input++)
            {
                x[(sample * Inputs) + input] = (a * directions[input]) + (b * directions[Inputs + input]);
            }
        }

        var tensor = Tensor.Floats([Samples, Inputs], x);
        SafetensorsFile.Write(folder.File("data.safetensors"), [new("x", tensor)]);
        return tensor;
    }

    /// <summary>Two layers; a weight of each, which meets nothing but zeros, is so large that the others get few steps.</summary>
    private static Model Network()
    {
        var random = new Random(4);
        var (first, second) = (Numbers(random, Inputs * Hidden, 1), Numbers(random, Hidden * Outputs, 0.5));
        (first[0], second[0]) = (16, 8);
        var bias = Numbers(random, Hidden, 0.3);
        bias[0] = -20;
        var model = new Model { IrVersion = 8 };
        model.OpsetImports[""] = 17;
        var graph = model.Graph;
        graph.AddInput(new Value("x", new TensorType(DataType.Float, new Shape(new Dim("n"), Inputs))));
        var hidden = graph.AddNode(null, "Relu", "r", [graph.AddNode(null, "Gemm", "h", [graph.Inputs[0], graph.AddInitializer("w1", Tensor.Floats([Inputs, Hidden], first)), graph.AddInitializer("b1", Tensor.Floats([Hidden], bias))])]);
        graph.Outputs.Add(graph.AddNode(null, "MatMul", "y", [hidden, graph.AddInitializer("w2", Tensor.Floats([Hidden, Outputs], second))], new TensorType(DataType.Float, new Shape(new Dim("n"), Outputs))));
        return model;
    }

    private static float[] Numbers(Random random, int count, double size) => [.. Enumerable.Range(0, count).Select(_ => (float)(size * ((random.NextDouble() * 2) - 1)))];
}
