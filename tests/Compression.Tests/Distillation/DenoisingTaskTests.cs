using CompressTool.Compression.Distillation;
using CompressTool.Compression.Options;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using PredictionType = CompressTool.Diffusion.Schedules.PredictionType;

namespace CompressTool.Compression.Tests.Distillation;

[TestClass]
public sealed class DenoisingTaskTests
{
    [TestMethod]
    [DataRow(BetaSchedule.Linear, 0.0001, 0.02, 4.0358296e-05)]
    [DataRow(BetaSchedule.ScaledLinear, 0.00085, 0.012, 0.0046600)]
    public void The_last_timestep_is_as_noisy_as_in_diffusers(BetaSchedule schedule, double start, double end, double expected)
    {
        var noise = DenoisingTask.Create(new NoiseOptions { BetaSchedule = schedule, BetaStart = start, BetaEnd = end });

        var (alpha, sigma) = noise.MixAt(999);

        Assert.AreEqual(1000, noise.Schedule.Timesteps);
        Assert.AreEqual(expected, (double)alpha * alpha, 1e-4 * expected);
        Assert.AreEqual(1, (alpha * alpha) + (sigma * sigma), 1e-6);
    }

    [TestMethod]
    public void Cosine_schedule_follows_its_formula_until_the_cap()
    {
        var noise = DenoisingTask.Create(new NoiseOptions { BetaSchedule = BetaSchedule.SquaredCosine });

        static double Bar(double time) => Math.Pow(Math.Cos((time + 0.008) / 1.008 * Math.PI / 2), 2);
        foreach (var t in (int[])[0, 10, 500, 990])
        {
            Assert.AreEqual(Bar((t + 1) / 1000.0) / Bar(0), Math.Pow(noise.MixAt(t).OfSample, 2), 1e-6);
        }
    }

    [TestMethod]
    public void Targets_and_weights_follow_the_prediction()
    {
        DenoisingTask Of(Prediction prediction) => DenoisingTask.Create(new NoiseOptions { Prediction = prediction, MinSnr = 5 });
        var (alpha, sigma) = Of(Prediction.Epsilon).MixAt(300);
        var snr = alpha * alpha / (sigma * sigma);

        Assert.AreEqual((0f, 1f), Of(Prediction.Epsilon).TargetAt(300));
        Assert.AreEqual((1f, 0f), Of(Prediction.Sample).TargetAt(300));
        Assert.AreEqual((-sigma, alpha), Of(Prediction.Velocity).TargetAt(300));
        Assert.AreEqual(Math.Min(snr, 5) / snr, Of(Prediction.Epsilon).WeightAt(300), 1e-5);
        Assert.AreEqual(Math.Min(snr, 5), Of(Prediction.Sample).WeightAt(300), 1e-4);
        Assert.AreEqual(Math.Min(snr, 5) / (snr + 1), Of(Prediction.Velocity).WeightAt(300), 1e-5);
        Assert.AreEqual(1, DenoisingTask.Create(new NoiseOptions()).WeightAt(300));
    }

    [TestMethod]
    public void A_scheduler_file_of_diffusers_says_it_all()
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder.File("scheduler_config.json"), """
            { "_class_name": "DDPMScheduler", "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012, "num_train_timesteps": 500, "prediction_type": "v_prediction" }
            """);

        var noise = DenoisingTask.Create(new NoiseOptions { Scheduler = new RecipePath("scheduler_config.json", folder.File("scheduler_config.json")) });

        var same = DenoisingTask.Create(new NoiseOptions { BetaSchedule = BetaSchedule.ScaledLinear, BetaStart = 0.00085, BetaEnd = 0.012, TrainTimesteps = 500, Prediction = Prediction.Velocity });
        Assert.AreEqual(500, noise.Schedule.Timesteps);
        Assert.AreEqual(same.MixAt(250), noise.MixAt(250));
        Assert.AreEqual(same.TargetAt(250), noise.TargetAt(250));
    }

    [TestMethod]
    public void A_timestep_that_is_noise_alone_has_a_weight()
    {
        using var folder = new TempFolder();
        var path = folder.Write("scheduler_config.json", """{ "_class_name": "DDIMScheduler", "rescale_betas_zero_snr": true, "prediction_type": "v_prediction" }""");
        var task = DenoisingTask.Create(new NoiseOptions { Scheduler = new RecipePath("scheduler_config.json", path), MinSnr = 5 });

        Assert.AreEqual((0f, 1f), task.MixAt(999));
        Assert.AreEqual((-1f, 0f), task.TargetAt(999));
        Assert.AreEqual(0, task.WeightAt(999));
        Assert.AreEqual(5 * (1 - task.Schedule.AlphasCumprod[0]), task.WeightAt(0), 1e-6);
    }

    [TestMethod]
    [DataRow("""{ "_class_name": "DDIMScheduler", "beta_schedule": "laplace" }""", "CMP8102")]
    [DataRow("""{ "_class_name": "FlowMatchEulerDiscreteScheduler" }""", "CMP8102")]
    [DataRow("no json", "CMP8101")]
    public void A_file_that_cannot_be_used_is_an_error_at_its_option(string content, string code)
    {
        using var folder = new TempFolder();
        var path = folder.Write("scheduler_config.json", content);
        var error = Assert.ThrowsExactly<CompressToolException>(() => DenoisingTask.Create(new NoiseOptions { Scheduler = new RecipePath("scheduler_config.json", path) }));
        Assert.AreEqual(code, error.Code.Id);
        Assert.AreEqual("noise.scheduler", error.OptionPath);
    }

    [TestMethod]
    public void Models_of_a_pipeline_are_trained_with_its_schedule()
    {
        using var model = new Model();
        model.Metadata.Add(new("diffusers.scheduler", """{ "_class_name": "DDPMScheduler", "beta_schedule": "scaled_linear", "prediction_type": "v_prediction" }"""));

        var own = DenoisingTask.Create(new NoiseOptions(), model);
        Assert.AreEqual(PredictionType.Velocity, own.Prediction);
        Assert.AreEqual(DenoisingTask.Create(new NoiseOptions { BetaSchedule = BetaSchedule.ScaledLinear }).MixAt(500), own.MixAt(500));
        Assert.AreEqual(PredictionType.Epsilon, DenoisingTask.Create(new NoiseOptions { BetaSchedule = BetaSchedule.Linear }, model).Prediction, "keys of the recipe go before");
    }
}
