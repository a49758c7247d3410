using CompressTool.Diffusion.Import;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Import;

/// <summary>What a model brings from the pipeline that it is in.</summary>
[TestClass]
public sealed class PipelineTests
{
    [TestMethod]
    public void Models_bring_the_scheduler_of_their_pipeline()
    {
        using var folder = Pipeline("""{ "_class_name": "DDPMScheduler", "beta_schedule": "scaled_linear", "prediction_type": "v_prediction" }""");
        var component = DiffusersComponent.Find(folder.Path);
        using var model = DiffusersImporter.Import(component);

        var scheduler = SchedulerConfig.Of(model);

        Assert.AreEqual(PredictionType.Velocity, scheduler!.Prediction);
        Assert.AreEqual(folder.File("scheduler/scheduler_config.json"), component.Scheduler);
        Assert.Contains(component.Scheduler!, component.Files, "a change of it is a change of the model");
        using var alone = DiffusersImporter.Import(DiffusersComponent.Find(folder.File("unet")));
        Assert.IsNull(SchedulerConfig.Of(alone));
    }

    [TestMethod]
    public void Scheduler_that_is_not_known_hinders_no_import()
    {
        using var folder = Pipeline("""{ "_class_name": "SomeScheduler", "some_key": 1 }""");
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(folder.Path));

        Assert.Contains("some_key", Assert.ThrowsExactly<CompressToolException>(() => SchedulerConfig.Of(model)).Message);
    }

    [TestMethod]
    public void Broken_scheduler_is_an_error()
    {
        using var folder = Pipeline("{ \"_class_name\": ");

        var error = Assert.ThrowsExactly<CompressToolException>(() => DiffusersImporter.Import(DiffusersComponent.Find(folder.Path)));

        Assert.AreEqual(DiffusionErrors.InvalidScheduler, error.Code);
        Assert.Contains("scheduler_config.json' is not the configuration of a scheduler", error.Message);
    }

    /// <summary>The model of the sample has the schedule that its pictures depend on.</summary>
    [TestMethod]
    public void Model_of_the_sample_is_whole()
    {
        using var model = DiffusersImporter.Import(DiffusersComponent.Find(Path.Combine(Repository.Root, "samples", "Shapes", "models", "shapes")));

        Assert.AreEqual(1_807_683, model.Graph.Initializers.Where(value => value.ElementType == Onnx.DataType.Float).Sum(value => value.Initializer!.Dims.Aggregate(1L, (product, dim) => product * dim)));
        Assert.AreEqual(PredictionType.Epsilon, SchedulerConfig.Of(model)!.Prediction);
    }

    private static TempFolder Pipeline(string scheduler)
    {
        var folder = new TempFolder();
        folder.Write("model_index.json", """{ "_class_name": "DDPMPipeline" }""");
        folder.Write("unet/config.json", File.ReadAllText(Path.Combine(Repository.Root, "samples", "Shapes", "models", "untrained", "config.json")));
        folder.Write("scheduler/scheduler_config.json", scheduler);
        return folder;
    }
}
