using System.Text.Json.Nodes;
using CompressTool.Compression.Data;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Tests.Distillation;

/// <summary>finetune and distill on a linear layer, whose best weights are known.</summary>
[TestClass]
public sealed class TrainingStagesTests
{
    private const int Samples = 64, Inputs = 6, Outputs = 3;

    [TestMethod]
    public void Finetune_finds_the_weights_behind_the_targets()
    {
        using var folder = new TempFolder();
        var truth = Weights(1);
        using var model = Linear(Weights(2));

        var metrics = Run(new FinetuneStage(), model, Options(folder, truth, new FinetuneOptions { Steps = 300, LearningRate = 0.05, Batch = 16, Schedule = RateSchedule.Cosine }));

        AssertClose(truth, model.Graph.Initializers[0].Initializer!.ToArray<float>(), 1e-3f);
        Assert.IsLessThan(1e-4 * (double)metrics["taskLossBefore"]!, (double)metrics["taskLoss"]!);
    }

    [TestMethod]
    public void Distill_learns_from_the_input_model_without_targets()
    {
        using var folder = new TempFolder();
        var truth = Weights(1);
        using (var teacher = Linear(truth))
        {
            teacher.Save(folder.File("teacher.onnx"));
        }

        using var model = Linear(Weights(2));
        var options = Options(folder, null, new DistillOptions { Steps = 300, LearningRate = 0.05, Batch = 16, MicroBatch = 8, Schedule = RateSchedule.Cosine, Optimizer = OptimizerKind.Adam });

        Run(new DistillStage(), model, options, new StageContext { SourcePath = folder.File("teacher.onnx"), Seed = 3 });

        AssertClose(truth, model.Graph.Initializers[0].Initializer!.ToArray<float>(), 1e-3f);
    }

    [TestMethod]
    public void Zeros_stay_zeros_unless_told_otherwise()
    {
        using var folder = new TempFolder();
        var pruned = Weights(2);
        (pruned[0], pruned[7]) = (0, 0);
        foreach (var keep in (bool[])[true, false])
        {
            using var model = Linear(pruned);

            var metrics = Run(new FinetuneStage(), model, Options(folder, Weights(1), new FinetuneOptions { Steps = 20, LearningRate = 0.05, KeepZeros = keep }));

            var weights = model.Graph.Initializers[0].Initializer!.ToArray<float>();
            Assert.AreEqual(keep, weights[0] == 0 && weights[7] == 0);
            Assert.AreEqual(keep ? 2 : 0, (long)metrics["frozenZeros"]!);
        }
    }

    [TestMethod]
    public void A_training_that_was_cut_off_ends_with_the_same_bits()
    {
        using var folder = new TempFolder();
        var options = Options(folder, Weights(1), new FinetuneOptions { Steps = 40, LearningRate = 0.05, Ema = 0.9 });
        using var undisturbed = Linear(Weights(2));
        Run(new FinetuneStage(), undisturbed, options);

        using var model = Linear(Weights(2));
        using var cancellation = new CancellationTokenSource();
        var cut = new StageContext { Seed = 3, WorkFolder = folder.File("work"), CancellationToken = cancellation.Token, Progress = new Watch(progress => Cancel(progress.Fraction > 0.5, cancellation)) };
        Assert.Throws<OperationCanceledException>(() => Run(new FinetuneStage(), model, options, cut));
        var steps = 0;
        Run(new FinetuneStage(), model, options, new StageContext { Seed = 3, WorkFolder = folder.File("work"), Progress = new Watch(_ => steps++) });

        Assert.IsLessThan(25, steps, "it went on instead of starting again");
        CollectionAssert.AreEqual(undisturbed.Graph.Initializers[0].Initializer!.ToArray<float>(), model.Graph.Initializers[0].Initializer!.ToArray<float>());
    }

    [TestMethod]
    public void Another_teacher_of_the_same_name_does_not_go_on_with_a_training()
    {
        using var folder = new TempFolder();
        var context = new StageContext { SourcePath = folder.File("teacher.onnx"), Seed = 3, WorkFolder = folder.File("work") };
        void Distill(int teacherSeed)
        {
            using (var teacher = Linear(Weights(teacherSeed)))
            {
                teacher.Save(folder.File("teacher.onnx"));
            }

            using var model = Linear(Weights(2));
            Run(new DistillStage(), model, Options(folder, null, new DistillOptions { Steps = 4, LearningRate = 0.05 }), context);
        }

        Distill(1);
        Distill(1);
        var error = Assert.ThrowsExactly<CompressToolException>(() => Distill(3));
        Assert.AreEqual("CMP7035", error.Code.Id);
        Assert.Contains("'teacher' was", error.Message);
    }

    [TestMethod]
    [DataRow(DataType.Float16, 1.5e-3f)]
    [DataRow(DataType.BFloat16, 4e-3f)]
    public void Weights_of_16_bits_are_trained_in_float32_and_keep_their_type(DataType type, float tolerance)
    {
        using var folder = new TempFolder();
        var truth = Weights(1);
        using var model = Linear(Weights(2));
        Narrow(model, type);

        Run(new FinetuneStage(), model, Options(folder, truth, new FinetuneOptions { Steps = 300, LearningRate = 0.05, Batch = 16, Schedule = RateSchedule.Cosine }));

        var weights = model.Graph.Initializers[0].Initializer!;
        Assert.AreEqual(type, weights.Type);
        AssertClose(truth, weights.ToFloats(), tolerance);
        Assert.AreEqual(type, Model.Parse(model.ToBytes()).Graph.Initializers[0].Initializer!.Type);
    }

    [TestMethod]
    public void A_diffusion_model_in_float16_recovers_as_one_in_float32_does()
    {
        using var folder = new TempFolder();
        var random = new Random(5);
        var pixels = new byte[12 * 16 * 16 * 3];
        random.NextBytes(pixels);
        NpyFile.Write(folder.File("images.npy"), Tensor.Create<byte>(DataType.UInt8, [12, 16, 16, 3], pixels));
        var options = new FinetuneOptions { Data = new TrainingData { Images = new RecipeFiles("images.npy", folder.File("images.npy")) }, Steps = 6, Batch = 4, LearningRate = 1e-3 };
        double Loss(bool half)
        {
            using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
            if (half)
            {
                new QuantizeStage().Run(model, new QuantizeOptions { Scheme = QuantizationScheme.Fp16 }, new StageContext());
            }

            var types = model.Graph.Initializers.ToDictionary(value => value.Name, value => value.ElementType);
            var metrics = Run(new FinetuneStage(), model, options);
            Assert.IsTrue(model.Graph.Initializers.All(value => value.ElementType == types[value.Name] && value.Initializer!.Type == types[value.Name]));
            Assert.IsLessThan(0.95 * (double)metrics["taskLossBefore"]!, (double)metrics["taskLoss"]!);
            return (double)metrics["taskLoss"]!;
        }

        var full = Loss(half: false);
        Assert.AreEqual(full, Loss(half: true), 0.01 * full);
    }

    [TestMethod]
    public void Pruning_in_rounds_reaches_the_target_and_ends_with_the_same_bits_when_cut_off()
    {
        using var folder = new TempFolder();
        var options = new PruneOptions
        {
            Structure = PruneStructure.Weights,
            Target = new PruneTarget { Sparsity = new Fraction(0.5) },
            Rounds = 3,
            Finetune = Options(folder, Weights(1), new FinetuneOptions { Steps = 31, LearningRate = 0.05 }),
        };
        JsonObject Prune(Model model, StageContext context) => ((IStage)new PruneStage()).Run(model, options, context).Metrics;
        using var undisturbed = Linear(Weights(2));

        var metrics = Prune(undisturbed, new StageContext { Seed = 3 });

        var weights = undisturbed.Graph.Initializers[0].Initializer!.ToArray<float>();
        Assert.AreEqual(weights.Length / 2, weights.Count(weight => weight == 0));
        Assert.AreEqual(0, (long)metrics["zerosBefore"]!);
        var rounds = metrics["rounds"]!.AsArray();
        CollectionAssert.AreEqual((long[])[10, 10, 11], rounds.Select(round => (long)round!["steps"]!).ToArray());
        CollectionAssert.AreEqual((double[])[6, 9, 9], rounds.Select(round => Math.Round((double)round!["sparsity"]! * weights.Length)).ToArray(), "1 - (2/3)^3 of 9, rounded, and so on");

        using var model = Linear(Weights(2));
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Prune(model, new StageContext
        {
            Seed = 3,
            WorkFolder = folder.File("work"),
            CancellationToken = cancellation.Token,
            Progress = new Watch(progress => Cancel(progress.Fraction > 0.5, cancellation)),
        }));
        using var again = Linear(Weights(2));
        Prune(again, new StageContext { Seed = 3, WorkFolder = folder.File("work") });
        CollectionAssert.AreEqual(weights, again.Graph.Initializers[0].Initializer!.ToArray<float>());
    }

    [TestMethod]
    public void A_diffusion_model_of_fixed_batch_learns_from_images()
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        var random = new Random(5);
        var pixels = new byte[12 * 14 * 14 * 3];
        random.NextBytes(pixels);
        NpyFile.Write(folder.File("images.npy"), Tensor.Create<byte>(DataType.UInt8, [12, 14, 14, 3], pixels));
        var options = new FinetuneOptions
        {
            Data = new TrainingData { Images = new RecipeFiles("images.npy", folder.File("images.npy")), Flip = true },
            Noise = new NoiseOptions { MinSnr = 5, Prediction = Prediction.Velocity },
            Steps = 12,
            Batch = 4,
            LearningRate = 1e-3,
            Segments = 0,
        };

        var metrics = Run(new FinetuneStage(), model, options);

        Assert.IsLessThan(0.9 * (double)metrics["taskLossBefore"]!, (double)metrics["taskLoss"]!);
    }

    [TestMethod]
    [DataRow("batch", "CMP4005", "a multiple of the 2 samples", "batch")]
    [DataRow("channels", "CMP4005", "1 channels, and the input 'sample' of the model takes 3", "data.images")]
    [DataRow("scheduler", "CMP8102", "beta_schedule 'laplace' is not supported", "noise.scheduler")]
    [DataRow("tensor", "CMP4005", "has no tensor 'timestep'", "data.tensors")]
    public void What_does_not_fit_is_named(string mistake, string code, string text, string path)
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        long[] dims = mistake == "channels" ? [8, 16, 16] : [8, 16, 16, 3];
        NpyFile.Write(folder.File("images.npy"), Tensor.Create<byte>(DataType.UInt8, dims, new byte[dims.Aggregate(1L, (count, dim) => count * dim)]));
        SafetensorsFile.Write(folder.File("t.safetensors"), [new("sample", Tensor.Floats([2], 1, 2))]);
        File.WriteAllText(folder.File("scheduler.json"), """{ "_class_name": "DDPMScheduler", "beta_schedule": "laplace" }""");
        RecipePath Path(string name) => new(name, folder.File(name));
        var options = new FinetuneOptions
        {
            Data = mistake == "tensor" ? new TrainingData { Tensors = Path("t.safetensors") } : new TrainingData { Images = new RecipeFiles("images.npy", folder.File("images.npy")) },
            Noise = mistake == "scheduler" ? new NoiseOptions { Scheduler = Path("scheduler.json") } : new NoiseOptions(),
            Steps = 1,
            Batch = mistake == "batch" ? 3 : 2,
        };

        var error = Assert.ThrowsExactly<CompressToolException>(() => Run(new FinetuneStage(), model, options));

        Assert.AreEqual(code, error.Code.Id);
        Assert.Contains(text, error.Message);
        Assert.AreEqual(path, error.OptionPath);
    }

    [TestMethod]
    public void Contradictory_options_are_reported_at_their_place()
    {
        var images = new TrainingData { Images = new RecipeFiles("a.npy", "/a.npy") };
        var tensors = new TrainingData { Tensors = new RecipePath("a.safetensors", "/a.safetensors") };

        Assert.AreEqual("", Errors(new FinetuneOptions { Data = images, Steps = 10 }));
        Assert.AreEqual("data|", Errors(new FinetuneOptions { Steps = 10 }));
        Assert.AreEqual("data|", Errors(new FinetuneOptions { Data = images with { Tensors = tensors.Tensors }, Steps = 10 }));
        Assert.AreEqual("data|", Errors(new FinetuneOptions { Data = tensors with { Flip = true }, Steps = 10 }));
        var labels = new RecipePath("l.npy", "/l.npy");
        Assert.AreEqual("data|", Errors(new FinetuneOptions { Data = tensors with { Labels = labels }, Steps = 10 }));
        Assert.AreEqual("data|", Errors(new FinetuneOptions { Data = images with { Shapes = new ShapesOptions() }, Steps = 10 }));
        Assert.AreEqual("data.labels|", Errors(new FinetuneOptions { Data = new TrainingData { Shapes = new ShapesOptions(), Labels = labels }, Steps = 10 }));
        Assert.AreEqual("data.label-from|data.label-from|data.size|", Errors(new FinetuneOptions { Data = images with { LabelFrom = "class", Labels = labels, Size = [1, 2, 3] }, Steps = 10 }));
        Assert.AreEqual("data.label-dropout|", Errors(new FinetuneOptions { Data = images with { LabelDropout = 0.1 }, Steps = 10 }));
        Assert.AreEqual("data.null-label|", Errors(new FinetuneOptions { Data = images with { NullLabel = 3, Labels = labels }, Steps = 10 }));
        Assert.AreEqual("noise|", Errors(new FinetuneOptions { Data = tensors, Steps = 10, Noise = new NoiseOptions { MinSnr = 5 } }));
        Assert.AreEqual("noise.scheduler|", Errors(new FinetuneOptions { Data = images, Steps = 10, Noise = new NoiseOptions { Scheduler = new RecipePath("s.json", "/s.json"), BetaEnd = 0.02 } }));
        Assert.AreEqual("micro-batch|", Errors(new FinetuneOptions { Data = images, Steps = 10, Batch = 16, MicroBatch = 5 }));
        Assert.AreEqual("warm-up|learning-rate|ema|", Errors(new FinetuneOptions { Data = images, Steps = 10, WarmUp = 11, LearningRate = 0, Ema = 1 }));
        Assert.AreEqual("losses.output|", Errors(new DistillOptions { Data = images, Steps = 10, Losses = new DistillLosses { Output = 0, Task = 1 } }));
    }

    private static string Errors(TrainingOptions options)
    {
        var errors = new OptionErrors();
        IStage stage = options is DistillOptions ? new DistillStage() : new FinetuneStage();
        stage.Validate(options, errors);
        return string.Concat(errors.Items.Select(item => item.Path + "|"));
    }

    private static JsonObject Run(IStage stage, Model model, TrainingOptions options, StageContext? context = null) =>
        stage.Run(model, options, context ?? new StageContext { Seed = 3 }).Metrics;

    /// <summary>Options with random inputs, and the targets that a layer gives for them.</summary>
    private static T Options<T>(TempFolder folder, float[]? truth, T options)
        where T : TrainingOptions
    {
        var random = new Random(9);
        var x = Enumerable.Range(0, Samples * Inputs).Select(_ => (float)((random.NextDouble() * 2) - 1)).ToArray();
        var tensors = new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([Samples, Inputs], x) };
        if (truth is not null)
        {
            var y = new float[Samples * Outputs];
            for (var i = 0; i < y.Length; i++)
            {
                y[i] = Enumerable.Range(0, Inputs).Sum(k => x[(i / Outputs * Inputs) + k] * truth[(k * Outputs) + (i % Outputs)]);
            }

            tensors["target"] = Tensor.Floats([Samples, Outputs], y);
        }

        var path = folder.File($"data{truth is null}.safetensors");
        SafetensorsFile.Write(path, tensors);
        return options with { Data = new TrainingData { Tensors = new RecipePath("data.safetensors", path) } };
    }

    /// <summary>Stores the weights in 16 bits; the model converts them and computes in float32.</summary>
    private static void Narrow(Model model, DataType type)
    {
        var weight = model.Graph.Initializers[0];
        var cast = new Value("wide", new TensorType(DataType.Float, Shape.Of(weight.Initializer!.Dims)));
        weight.ReplaceAllUses(cast);
        Graph.ReplaceInitializer(weight, type == DataType.Float16
            ? Tensor.Create<Half>(type, weight.Initializer.Dims, Array.ConvertAll(weight.Initializer.ToArray<float>(), x => (Half)x))
            : Tensor.Create<ushort>(type, weight.Initializer.Dims, Array.ConvertAll(weight.Initializer.ToArray<float>(), x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16))));
        model.Graph.InsertBefore(model.Graph.Nodes[0], new Node("Cast", [weight], [cast], "widen", "", Onnx.Attribute.Int("to", (long)DataType.Float)));
    }

    private static Model Linear(float[] weights)
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        model.Graph.AddInput(new Value("x", new TensorType(DataType.Float, new Shape(new Dim("n"), Inputs))));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "MatMul", "y", [model.Graph.Inputs[0], model.Graph.AddInitializer("w", Tensor.Floats([Inputs, Outputs], weights))], new TensorType(DataType.Float, new Shape(new Dim("n"), Outputs))));
        return model;
    }

    private static float[] Weights(int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, Inputs * Outputs).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }

    private static void AssertClose(float[] expected, float[] actual, float tolerance)
    {
        foreach (var (want, got) in expected.Zip(actual))
        {
            Assert.AreEqual(want, got, tolerance);
        }
    }

    private static void Cancel(bool now, CancellationTokenSource cancellation)
    {
        if (now)
        {
            cancellation.Cancel();
        }
    }

    private sealed class Watch(Action<StageProgress> report) : IProgress<StageProgress>
    {
        public void Report(StageProgress value) => report(value);
    }
}
