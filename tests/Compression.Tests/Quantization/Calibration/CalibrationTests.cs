using CompressTool.Compression.Distillation;
using CompressTool.Compression.Quantization;
using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Compression.Quantization.Static;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Testing.Models;

namespace CompressTool.Compression.Tests.Quantization.Calibration;

/// <summary>What models are looked at with, and that looking sees what is there.</summary>
[TestClass]
public sealed class CalibrationTests
{
    [TestMethod]
    public void Observed_extremes_are_those_of_the_values_themselves()
    {
        using var model = ClassicModels.Get("resnet/static").Build();
        using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 6, Batch = 1 }, new StageContext { Seed = 2 });
        Value[] values = [.. model.Graph.Nodes.Where(node => node.Is("Conv") || node.Is("Relu")).Select(node => node.Outputs[0]!)];
        foreach (var value in values)
        {
            value.Type ??= new TensorType(DataType.Float, null);
        }

        var (nodes, outputs) = (model.Graph.Nodes.Count, model.Graph.Outputs.Count);
        var statistics = Calibrator.Run(model, values, inputs, new StageContext(), (0, 1));
        Assert.AreEqual((nodes, outputs), (model.Graph.Nodes.Count, model.Graph.Outputs.Count), "the model is the same afterwards");

        foreach (var value in values)
        {
            model.Graph.Outputs.Add(value);
        }

        using var function = new OnnxRuntimeEngine().Compile(model);
        var seen = values.ToDictionary(value => value.Name, _ => new List<float>());
        foreach (var feeds in inputs.ReadAll(default))
        {
            var results = function.Run(feeds.Arrays);
            Array.ForEach(values, value => seen[value.Name].AddRange(results[value.Name].AsSpan<float>()));
        }

        foreach (var (name, numbers) in seen)
        {
            Assert.AreEqual(Math.Min(0, numbers.Min()), statistics[name].Smallest, 1e-5f, name);
            Assert.AreEqual(Math.Max(0, numbers.Max()), statistics[name].Largest, 1e-5f, name);
            Assert.AreEqual(numbers.Count, statistics[name].Count);
        }
    }

    [TestMethod]
    public void A_diffusion_model_is_looked_at_at_every_timestep_of_its_sampler()
    {
        using var model = Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));
        using var folder = new TempFolder();
        var options = new CalibrationOptions { Samples = new CalibrationSampleOptions { Count = 3, Batch = 2, Steps = 10 }, Timesteps = 5 };

        using var inputs = CalibrationSource.Open(model, options, new StageContext { WorkFolder = folder.File("work") });

        var feeds = inputs.ReadAll(default).ToList();
        Assert.HasCount(inputs.Runs, feeds);
        Assert.HasCount(10, feeds, "five timesteps for two samples and for the third");
        var timesteps = feeds.GroupBy(run => run.Step).Select(step => step.Select(run => run.Arrays["timestep"].AsSpan<long>()[0]).Distinct().Single()).ToArray();
        Assert.HasCount(5, timesteps);
        CollectionAssert.AreEqual(timesteps.OrderDescending().ToArray(), timesteps, "from noise to image");
        CollectionAssert.AreEqual(new[] { 2L, 1L }, feeds.Take(2).Select(run => run.Arrays["sample"].Dims[0]).ToArray());

        // The first step sees noise of variance one.
        var noise = feeds[0].Arrays["sample"].AsSpan<float>().ToArray();
        Assert.AreEqual(1, Math.Sqrt(noise.Average(x => (double)x * x)), 0.1);
    }

    [TestMethod]
    public void Samples_are_kept_for_the_next_scheme()
    {
        using var folder = new TempFolder();
        var made = new List<string>();
        string Share(SharedArtifact artifact)
        {
            var path = folder.File("shared", string.Join(' ', artifact.Ingredients.Where(item => item.Key is "options" or "timesteps").Select(item => item.Value)));
            if (!Directory.Exists(path))
            {
                Directory.CreateDirectory(path);
                artifact.Make(path);
                made.Add(artifact.Kind);
            }

            return path;
        }

        foreach (var steps in new[] { 2, 2, 3 })
        {
            using var model = Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));
            using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Timesteps = steps }, new StageContext { Share = Share });
        }

        CollectionAssert.AreEqual(new[] { "calibration-samples", "calibration-samples" }, made);
    }

    [TestMethod]
    public void A_model_that_cannot_draw_samples_needs_data()
    {
        using var model = ClassicModels.Get("resnet/static").Build();
        var warnings = new List<string>();
        var error = Assert.ThrowsExactly<CompressToolException>(() => CalibrationSource.Open(model, null, new StageContext()));
        Assert.AreEqual((CompressionErrors.UnsuitableModel, "calibration"), (error.Code, error.OptionPath));
        StringAssert.Contains(error.Message, "calibration: { random: 64 }");

        using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 1 }, new StageContext { Warn = (code, _, path) => warnings.Add($"{code.Id} {path}") });
        CollectionAssert.AreEqual(new[] { "CMP4103 calibration.random" }, warnings);
    }

    [TestMethod]
    public void Keys_that_nobody_reads_are_refused()
    {
        var data = new TrainingData { Shapes = new Data.ShapesOptions() };
        Assert.AreEqual("", Errors(new CalibrationOptions { Percentile = 99 }));
        Assert.AreEqual("calibration", Errors(new CalibrationOptions { Random = 4, Data = data }));
        Assert.AreEqual("calibration.count|calibration.batch", Errors(new CalibrationOptions { Count = 4, Batch = 4 }));
        Assert.AreEqual("calibration.step-percentile|calibration.timesteps", Errors(new CalibrationOptions { Random = 4, Timesteps = 4, StepPercentile = 90 }));
        Assert.AreEqual("calibration.percentile", Errors(new CalibrationOptions { Method = CalibrationMethod.Entropy, Percentile = 99 }));
        Assert.AreEqual("calibration.samples.decoder", Errors(new CalibrationOptions { Samples = new CalibrationSampleOptions { Decoder = new Options.RecipePath("d.onnx", "/d.onnx") } }));
        Assert.AreEqual("calibration.samples.sampler", Errors(new CalibrationOptions { Samples = new CalibrationSampleOptions { Sampler = "dimm" } }));
    }

    [TestMethod]
    public void A_number_that_is_none_names_its_value()
    {
        using var model = ClassicModels.Get("resnet/static").Build();
        var conv = model.Graph.Nodes.First(node => node.Is("Conv"));
        var weight = conv.Inputs[1]!;
        var numbers = weight.Initializer!.ToFloats();
        numbers[0] = float.NaN;
        weight.Initializer = Tensor.Floats(weight.Initializer.Dims, numbers);
        conv.Outputs[0]!.Type ??= new TensorType(DataType.Float, null);

        using var inputs = CalibrationSource.Open(model, new CalibrationOptions { Random = 1 }, new StageContext());
        var error = Assert.ThrowsExactly<CompressToolException>(() => Calibrator.Run(model, [conv.Outputs[0]!], inputs, new StageContext(), (0, 1)));

        StringAssert.Contains(error.Message, $"'{conv.Outputs[0]!.Name}'");
    }

    [TestMethod]
    public void First_last_and_timestep_layers_stay_in_float()
    {
        using var model = Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));
        var kept = SensitiveLayers.Find(model);
        var names = Layers.Find(model.Graph).Where(layer => kept.Contains(layer.Node)).Select(layer => layer.Name).ToArray();
        CollectionAssert.IsSubsetOf(new[] { "conv_in", "conv_out", "time_embedding.linear_1", "time_embedding.linear_2" }, names);
        Assert.IsTrue(names.All(name => name is "conv_in" or "conv_out" || name.Contains("time_emb", StringComparison.Ordinal)), string.Join(", ", names));

        using var classic = ClassicModels.Get("resnet/static").Build();
        Assert.IsEmpty(SensitiveLayers.Find(classic));
    }

    [TestMethod]
    public void Float16_keeps_what_calibration_finds_in_float32()
    {
        using var model = Model.Load(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx"));
        var (conv, _) = Layers.Find(model.Graph).Single(layer => layer.Name == "mid_block.resnets.0.conv1").Uses[0];
        var output = conv.Outputs[0]!;
        var large = model.Graph.AddNode(null, "Mul", "large", [output, model.Graph.AddInitializer("factor", Tensor.Float(1e6f))], new TensorType(DataType.Float, output.Shape));
        var small = model.Graph.AddNode(null, "Mul", "small", [large, model.Graph.AddInitializer("inverse", Tensor.Float(1e-6f))], new TensorType(DataType.Float, output.Shape));
        foreach (var (node, index) in output.Uses.Where(use => use.Node != large.Producer).ToArray())
        {
            node.SetInput(index, small);
        }

        model.Graph.SortTopologically();
        model.LeaveFile();
        var metrics = new QuantizeStage().Run(model, (object)new QuantizeOptions { Scheme = QuantizationScheme.Fp16, Calibration = new CalibrationOptions { Samples = new CalibrationSampleOptions { Count = 1, Steps = 2 } } }, new StageContext()).Metrics;

        StringAssert.Contains(metrics["keptByMeasurement"]!.ToJsonString(), "large");
        Assert.AreEqual("calibration.method", Errors(new CalibrationOptions { Random = 1, Method = CalibrationMethod.MinMax }, QuantizationScheme.Fp16));
    }

    private static string Errors(CalibrationOptions options, QuantizationScheme scheme = QuantizationScheme.Int8)
    {
        var errors = new OptionErrors();
        ((IStage)new QuantizeStage()).Validate(new QuantizeOptions { Scheme = scheme, Calibration = options }, errors);
        return string.Join('|', errors.Items.Select(item => item.Path));
    }
}
