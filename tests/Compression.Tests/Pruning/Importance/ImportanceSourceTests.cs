using CompressTool.Compression.Data;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Stages;
using CompressTool.Compression.Tests.Distillation;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using static CompressTool.Compression.Tests.Pruning.Criteria.SliceSumsTests;

namespace CompressTool.Compression.Tests.Pruning.Importance;

/// <summary>Gradients and activations from a recipe's data: what they are, and when they are computed anew.</summary>
[TestClass]
public sealed class ImportanceSourceTests
{
    private const int Samples = 12;

    private static readonly float[] s_weight = [1, -0.5f, 0.25f, 2, 0, 1];
    private static readonly float[] s_inputs = Numbers(1, Samples * 3), s_targets = Numbers(2, Samples * 2);

    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(4, 1)]
    [DataRow(4, 2)]
    public void Gradients_are_means_over_all_samples(int batches, int atOnce)
    {
        using var folder = new TempFolder();
        using var model = Save(folder);

        using var data = ImportanceSource.Open(model, StructureCriterion.Taylor, Options(folder) with { Batch = Samples / batches, Batches = batches, MicroBatch = Samples / batches / atOnce }, new StageContext { Seed = 5 });

        AssertClose(Expected(gradient => gradient), Read(data!, "w"), 2e-6);
    }

    [TestMethod]
    [DataRow(1)]
    [DataRow(3)]
    public void Fisher_squares_the_gradients_of_single_samples(int batches)
    {
        using var folder = new TempFolder();
        using var model = Save(folder);

        using var data = ImportanceSource.Open(model, StructureCriterion.Fisher, Options(folder) with { Batch = Samples / batches, Batches = batches }, new StageContext { Seed = 5 });

        AssertClose(Expected(gradient => gradient * gradient), Read(data!, "w"), 2e-6);
    }

    [TestMethod]
    public void Variances_do_not_depend_on_the_order_of_samples()
    {
        using var folder = new TempFolder();
        using var model = Save(folder);
        var runs = new List<double[]>();
        foreach (var (batches, seed) in new[] { (1, 0), (4, 0), (12, 1), (3, 2) })
        {
            using var data = ImportanceSource.Open(model, StructureCriterion.ActivationVariance, Options(folder) with { Batch = Samples / batches, Batches = batches }, new StageContext { Seed = seed });
            runs.Add(data!.Variances(model.Graph.Initializers.Single(value => value.Name == "w")));
        }

        double[] expected = [.. Enumerable.Range(0, 2).Select(column =>
        {
            var values = Enumerable.Range(0, Samples).Select(sample => Enumerable.Range(0, 3).Sum(row => (double)s_inputs[(sample * 3) + row] * s_weight[(row * 2) + column])).ToArray();
            return values.Sum(value => Math.Pow(value - values.Average(), 2)) / Samples;
        })];
        foreach (var run in runs)
        {
            AssertClose(expected, run, 1e-6);
            AssertClose(runs[0], run, 1e-6); // The model itself computes in float32.
        }
    }

    [TestMethod]
    public void Criteria_that_need_nothing_get_nothing()
    {
        using var model = new Model();

        Assert.IsNull(ImportanceSource.Open(model, StructureCriterion.Magnitude, null, new StageContext()));
    }

    [TestMethod]
    public void What_was_computed_is_used_again_until_something_changes()
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        var options = new ImportanceOptions { Data = new TrainingData { Shapes = new ShapesOptions { Count = 8 } }, Batch = 2, Batches = 1, Timesteps = 3 };
        var made = new Dictionary<string, string>();
        string Share(SharedArtifact artifact)
        {
            var key = string.Join('\n', artifact.Ingredients.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={pair.Value}"));
            if (!made.TryGetValue(key, out var place))
            {
                made.Add(key, place = Path.GetDirectoryName(folder.File($"{made.Count}", "x"))!);
                artifact.Make(place);
            }

            return place;
        }

        double[] Open(StructureCriterion criterion, ImportanceOptions with, long seed = 0)
        {
            using var data = ImportanceSource.Open(model, criterion, with, new StageContext { Seed = seed, Share = Share });
            return Read(data!, "conv_in.weight");
        }

        var first = Open(StructureCriterion.DiffPruning, options);
        CollectionAssert.AreEqual(first, Open(StructureCriterion.DiffPruning, options));
        Assert.HasCount(1, made);
        Assert.IsTrue(first.Any(value => value != 0));

        Open(StructureCriterion.DiffPruning, options, seed: 1);
        Open(StructureCriterion.DiffPruning, options with { Timesteps = 2 });
        Open(StructureCriterion.DiffPruning, options with { Threshold = 0.5 });
        Open(StructureCriterion.DiffPruning, options with { Noise = new NoiseOptions { Prediction = Prediction.Velocity } });
        Open(StructureCriterion.DiffPruning, options with { Data = new TrainingData { Shapes = new ShapesOptions { Count = 9 } } });
        Open(StructureCriterion.DiffPruningTables, options);
        Open(StructureCriterion.Taylor, options);
        Assert.HasCount(8, made);
        Open(StructureCriterion.ElementwiseTaylor, options);
        Assert.HasCount(8, made, "both Taylor criteria have the same gradients");
        Open(StructureCriterion.Taylor, options with { Timesteps = null });
        Open(StructureCriterion.Fisher, options with { Timesteps = null });
        Assert.HasCount(10, made);
    }

    /// <summary>The output of this model is the embedding of the label, so only labels of the batch have gradients.</summary>
    [TestMethod]
    [DataRow(StructureCriterion.DiffPruning)]
    [DataRow(StructureCriterion.Fisher)]
    public void Labels_go_with_the_images(StructureCriterion criterion)
    {
        using var model = ClassModel.Create(12, side: 8);
        var options = new ImportanceOptions { Data = new TrainingData { Shapes = new ShapesOptions { Count = 5 } }, Batch = 5, Batches = 1, Timesteps = criterion == StructureCriterion.DiffPruning ? 3 : null };

        using var data = ImportanceSource.Open(model, criterion, options, new StageContext { Seed = 1 });

        var gradient = data!.Gradient(model.Graph.Initializers.Single(value => value.Name == "embedding")).ToFloats();
        var rows = gradient.Chunk(64).Select(row => row.Any(value => value != 0)).ToArray();
        Assert.IsTrue(rows.Any(isUsed => isUsed));
        Assert.IsFalse(rows[10] || rows[11], "shapes have ten classes");
    }

    [TestMethod]
    public void Errors_name_the_option()
    {
        using var folder = new TempFolder();
        using var model = Save(folder);
        var options = new ImportanceOptions { Data = new TrainingData { Shapes = new ShapesOptions() } };

        var error = Assert.ThrowsExactly<CompressToolException>(() => ImportanceSource.Open(model, StructureCriterion.DiffPruning, options, new StageContext()));

        Assert.AreEqual("importance.data", error.OptionPath);
    }

    [TestMethod]
    [DataRow(StructureCriterion.Magnitude, false, null)]
    [DataRow(StructureCriterion.Magnitude, true, "importance")]
    [DataRow(StructureCriterion.Taylor, false, "")]
    [DataRow(StructureCriterion.Taylor, true, null)]
    [DataRow(StructureCriterion.DiffPruning, true, "importance.data.tensors")]
    [DataRow(StructureCriterion.Fisher, true, null)]
    public void Options_are_checked_for_the_criterion(StructureCriterion criterion, bool given, string? path)
    {
        var errors = new OptionErrors();

        ImportanceValidation.Check(given ? new ImportanceOptions { Data = new TrainingData { Tensors = new RecipePath("x", "x") } } : null, criterion, "importance", errors);

        Assert.AreEqual(path, errors.Items.Select(item => item.Path).SingleOrDefault());
    }

    [TestMethod]
    public void Data_of_the_training_serves_when_there_is_none()
    {
        var finetune = new FinetuneOptions { Data = new TrainingData { Shapes = new ShapesOptions() }, Noise = new NoiseOptions { TrainTimesteps = 7 } };
        var own = new ImportanceOptions { Data = new TrainingData { Tensors = new RecipePath("x", "x") } };

        var resolved = ImportanceValidation.Resolve(new ImportanceOptions { Batch = 3 }, finetune, StructureCriterion.Taylor)!;

        Assert.AreEqual((3, 7, finetune.Data), (resolved.Batch, resolved.Noise.TrainTimesteps, resolved.Data));
        Assert.AreEqual(finetune.Data, ImportanceValidation.Resolve(null, finetune, StructureCriterion.Taylor)!.Data);
        Assert.AreSame(own, ImportanceValidation.Resolve(own, finetune, StructureCriterion.Taylor));
        Assert.IsNull(ImportanceValidation.Resolve(null, finetune, StructureCriterion.Magnitude));
        Assert.IsNull(ImportanceValidation.Resolve(null, null, StructureCriterion.Taylor));
        Assert.AreEqual(finetune.Data, ImportanceValidation.Resolve(null, finetune, StructureCriterion.Laptop)!.Data);
        Assert.IsNull(ImportanceValidation.Resolve(null, finetune, StructureCriterion.Sensitivity));
    }

    [TestMethod]
    public void Groups_that_nothing_is_known_of_have_no_score()
    {
        using var folder = new TempFolder();
        using var model = Save(folder);
        using var data = ImportanceSource.Open(model, StructureCriterion.ActivationVariance, Options(folder) with { Batch = Samples, Batches = 1 }, new StageContext());
        var known = model.Graph.Initializers.Single(value => value.Name == "w");
        var scorer = new GroupScorer(new ActivationVarianceCriterion(), data);
        var unknown = new Value("table") { Initializer = Tensor.Floats([2, 2], 1, 2, 3, 4) };

        Assert.AreEqual(1, scorer.Score([new GroupMember(known, 1, [0, 1], MemberRole.Output), new GroupMember(unknown, 1, [0, 1], MemberRole.Output)], 2)!.Members);
        Assert.IsNull(scorer.Score([new GroupMember(unknown, 1, [0, 1], MemberRole.Output)], 2));
    }

    /// <summary>The mean over samples of a function of each one's gradient of the mean over outputs of (x w - target)².</summary>
    private static double[] Expected(Func<double, double> of)
    {
        var result = new double[6];
        for (var sample = 0; sample < Samples; sample++)
        {
            for (var column = 0; column < 2; column++)
            {
                var error = Enumerable.Range(0, 3).Sum(row => (double)s_inputs[(sample * 3) + row] * s_weight[(row * 2) + column]) - s_targets[(sample * 2) + column];
                for (var row = 0; row < 3; row++)
                {
                    result[(row * 2) + column] += of(error * s_inputs[(sample * 3) + row]) / Samples;
                }
            }
        }

        return result;
    }

    private static double[] Read(ImportanceData data, string name)
    {
        var value = new Value(name) { Initializer = Tensor.Floats(name == "w" ? [3, 2] : [16, 3, 3, 3], new float[name == "w" ? 6 : 432]) };
        return Array.ConvertAll(data.Gradient(value).ToFloats(), number => (double)number);
    }

    private static ImportanceOptions Options(TempFolder folder) => new() { Data = new TrainingData { Tensors = new RecipePath("data", folder.File("data.safetensors")) } };

    /// <summary>Saves a matrix product and data for it.</summary>
    private static Model Save(TempFolder folder)
    {
        SafetensorsFile.Write(folder.File("data.safetensors"), new Dictionary<string, Tensor> { ["x"] = Tensor.Floats([Samples, 3], s_inputs), ["target"] = Tensor.Floats([Samples, 2], s_targets) });
        var model = new Model();
        model.OpsetImports[""] = 17;
        var batch = new Dim("batch");
        var x = new Value("x", new TensorType(DataType.Float, new Shape(batch, 3)));
        model.Graph.AddInput(x);
        var w = model.Graph.AddInitializer("w", Tensor.Floats([3, 2], s_weight));
        model.Graph.Outputs.Add(model.Graph.AddNode(null, "MatMul", "product", [x, w], new TensorType(DataType.Float, new Shape(batch, 2))));
        return model;
    }

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (float)((random.NextDouble() * 2) - 1))];
    }
}
