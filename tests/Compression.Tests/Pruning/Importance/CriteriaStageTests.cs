using System.Text.Json.Nodes;
using CompressTool.Compression.Data;
using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Compression.Pruning.Importance;
using CompressTool.Compression.Stages;
using CompressTool.Compression.Tests.Pruning.Criteria;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Pruning.Importance;

/// <summary>The stage <c>prune</c> with every criterion, on an exported diffusion model.</summary>
[TestClass]
public sealed class CriteriaStageTests
{
    private static readonly TrainingData s_data = new() { Shapes = new ShapesOptions { Count = 6 } };

    public static IEnumerable<object[]> Criteria => CriteriaTests.OfChannels.Select(criterion => new object[] { criterion });

    [TestMethod]
    [DynamicData(nameof(Criteria))]
    public void Every_criterion_makes_a_smaller_model_that_runs(StructureCriterion criterion)
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        var importance = new ImportanceOptions { Data = s_data, Batch = 2 };
        var options = new PruneOptions
        {
            Structure = PruneStructure.Channels,
            Criterion = criterion,
            Target = new PruneTarget { Ratio = new Fraction(0.3) },
            Importance = CriterionFactory.Create(criterion, 0).Data switch
            {
                CriterionData.None => null,
                CriterionData.Activations or CriterionData.SquaredGradients => importance with { Batches = 1 },
                _ => importance with { Timesteps = 2 },
            },
        };

        var metrics = ((IStage)new PruneStage()).Run(model, options, new StageContext { Seed = 1 }).Metrics;

        Assert.IsLessThan(0.8 * (long)metrics["parametersBefore"]!, (long)metrics["parameters"]!);
        model.Save(folder.File("pruned.onnx"));
        using var function = new OnnxRuntimeEngine().Compile(folder.File("pruned.onnx"));
        var output = function.Run(new Dictionary<string, NdArray>
        {
            ["sample"] = NdArray.From(NpyFile.Read(Repository.Fixture("unet2d-cifarstyle", "io", "sample.npy"))),
            ["timestep"] = NdArray.From(NpyFile.Read(Repository.Fixture("unet2d-cifarstyle", "io", "timestep.npy"))),
        });
        Assert.IsTrue(output.Values.Single().AsSpan<float>().ToArray().All(float.IsFinite));
    }

    [TestMethod]
    public void A_second_ratio_takes_the_gradients_of_the_first()
    {
        using var folder = new TempFolder();
        var made = new HashSet<string>();
        JsonObject Prune(double ratio, ImportanceOptions? importance, FinetuneOptions? finetune)
        {
            using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
            var options = new PruneOptions
            {
                Structure = PruneStructure.Channels,
                Criterion = StructureCriterion.DiffPruning,
                Target = new PruneTarget { Ratio = new Fraction(ratio) },
                Importance = importance,
                Finetune = finetune,
            };
            return ((IStage)new PruneStage()).Run(model, options, new StageContext { WorkFolder = folder.File("work", "x"), Share = Share }).Metrics;
        }

        string Share(SharedArtifact artifact)
        {
            if (made.Add(string.Join('\n', artifact.Ingredients.OrderBy(pair => pair.Key))))
            {
                artifact.Make(Path.GetDirectoryName(folder.File("shared", "x"))!);
            }

            return folder.File("shared");
        }

        var few = new ImportanceOptions { Batch = 2, Timesteps = 2 };
        var less = Prune(0.3, few with { Data = s_data }, null);
        var least = Prune(0.5, few with { Data = s_data }, null);
        var trained = Prune(0.3, few, new FinetuneOptions { Data = s_data, Batch = 2, Steps = 1 });

        Assert.IsLessThan((long)less["parameters"]!, (long)least["parameters"]!);
        Assert.AreEqual((long)less["parameters"]!, (long)trained["parameters"]!);
        Assert.HasCount(1, made);
    }

    [TestMethod]
    public void Every_round_looks_at_the_model_that_it_has()
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));
        var shared = 0;
        string Share(SharedArtifact artifact)
        {
            shared++;
            artifact.Make(Path.GetDirectoryName(folder.File("shared", "x"))!);
            return folder.File("shared");
        }

        var metrics = ((IStage)new PruneStage()).Run(
            model,
            new PruneOptions
            {
                Structure = PruneStructure.Channels,
                Criterion = StructureCriterion.Taylor,
                Target = new PruneTarget { Ratio = new Fraction(0.5) },
                Importance = new ImportanceOptions { Batch = 2, Batches = 1 },
                Finetune = new FinetuneOptions { Data = s_data, Batch = 2, Steps = 2 },
                Rounds = 2,
            },
            new StageContext { WorkFolder = folder.File("work", "x"), Share = Share }).Metrics;

        var rounds = metrics["rounds"]!.AsArray().Select(round => (long)round!["parameters"]!).ToArray();
        Assert.IsLessThan(rounds[0], rounds[1]);
        Assert.AreEqual(1, shared, "only the model of the first round is that of a file");
    }

    [TestMethod]
    [DataRow(PruneStructure.Channels, StructureCriterion.DiffPruning, "batches")]
    [DataRow(PruneStructure.Channels, StructureCriterion.Taylor, "batches|threshold")]
    [DataRow(PruneStructure.Channels, StructureCriterion.Fisher, "timesteps|threshold")]
    [DataRow(PruneStructure.Channels, StructureCriterion.ActivationVariance, "timesteps|threshold|segments")]
    [DataRow(PruneStructure.Blocks, StructureCriterion.Laptop, "timesteps|threshold|segments")]
    public void A_key_that_the_criterion_does_not_read_is_refused(PruneStructure structure, StructureCriterion criterion, string unread)
    {
        var errors = new OptionErrors();
        var importance = new ImportanceOptions { Data = s_data, Batches = 1, Timesteps = 2, Threshold = 0.1, Segments = 2 };
        ((IStage)new PruneStage()).Validate(new PruneOptions
        {
            Structure = structure,
            Criterion = criterion,
            Target = structure == PruneStructure.Blocks ? new PruneTarget { Count = 1 } : new PruneTarget { Ratio = new Fraction(0.3) },
            Importance = importance,
        }, errors);

        Assert.AreEqual(unread, string.Join('|', errors.Items.Select(item => item.Path["importance.".Length..])));
    }

    /// <summary>Blocks are judged by data of the training, too.</summary>
    [TestMethod]
    public void Blocks_are_chosen_and_what_is_left_is_trained()
    {
        using var folder = new TempFolder();
        using var model = Model.Load(Repository.Fixture("unet2d-cifarstyle", "model_op14.onnx"));

        var metrics = ((IStage)new PruneStage()).Run(
            model,
            new PruneOptions
            {
                Structure = PruneStructure.Blocks,
                Criterion = StructureCriterion.Laptop,
                Target = new PruneTarget { Count = 1 },
                Importance = new ImportanceOptions { Batch = 2, Batches = 1 },
                Finetune = new FinetuneOptions { Data = s_data, Batch = 2, Steps = 1 },
            },
            new StageContext { WorkFolder = folder.File("work", "x") }).Metrics;

        Assert.IsLessThan((long)metrics["parametersBefore"]!, (long)metrics["parameters"]!);
        Assert.HasCount(1, metrics["rounds"]!.AsArray());
    }

    [TestMethod]
    public void Options_are_checked()
    {
        var stage = (IStage)new PruneStage();
        string[] Paths(PruneOptions options)
        {
            var errors = new OptionErrors();
            stage.Validate(options with { Structure = PruneStructure.Channels, Target = new PruneTarget { Ratio = new Fraction(0.3) } }, errors);
            return [.. errors.Items.Select(item => item.Path)];
        }

        CollectionAssert.AreEqual(new[] { "" }, Paths(new PruneOptions { Criterion = StructureCriterion.Taylor }));
        CollectionAssert.AreEqual(Array.Empty<string>(), Paths(new PruneOptions { Criterion = StructureCriterion.Taylor, Finetune = new FinetuneOptions { Data = s_data, Steps = 1 } }));
        CollectionAssert.AreEqual(new[] { "importance" }, Paths(new PruneOptions { Criterion = StructureCriterion.Magnitude, Importance = new ImportanceOptions { Data = s_data } }));
        CollectionAssert.AreEqual(Array.Empty<string>(), Paths(new PruneOptions { Importance = new ImportanceOptions { Data = s_data } }));
        CollectionAssert.AreEqual(new[] { "importance" }, Paths(new PruneOptions { Importance = new ImportanceOptions { Batch = 4 } }), "data are missing");
        CollectionAssert.AreEqual(new[] { "importance.micro-batch" }, Paths(new PruneOptions { Criterion = StructureCriterion.Fisher, Importance = new ImportanceOptions { Data = s_data, MicroBatch = 7 } }));
    }
}
