using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Samplers;

[TestClass]
public sealed class SamplerPresetsTests
{
    public static IEnumerable<object[]> Names => SamplerPresets.All.Select(preset => new object[] { preset.Name });

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Every_preset_makes_a_sampler_of_its_steps(string name)
    {
        var preset = SamplerPresets.Find(name.ToUpperInvariant());
        var model = preset.Name == "flow-euler" ? ReferenceLoop.Config("FlowMatchEulerDiscreteScheduler") : SchedulerConfig.Default;
        var sampler = SamplerFactory.Create(SamplerPresets.Apply(preset, model), new SamplerSettings { Steps = 10 });

        Assert.AreEqual(10, sampler.Timesteps.Distinct().Count());
        Assert.AreEqual(preset.ClassName, SamplerPresets.Apply(preset, model).ClassName);
    }

    [TestMethod]
    public void Schedule_of_the_model_stays_and_other_keys_do_not_leak()
    {
        var model = ReferenceLoop.Config("EulerDiscreteScheduler", "\"beta_schedule\": \"scaled_linear\", \"beta_start\": 0.00085, \"beta_end\": 0.012, \"use_karras_sigmas\": true, \"prediction_type\": \"v_prediction\"");
        var config = SamplerPresets.Apply(SamplerPresets.Find("dpm++2m"), model);

        Assert.AreEqual("DPMSolverMultistepScheduler", config.ClassName);
        Assert.AreEqual(PredictionType.Velocity, config.Prediction);
        Assert.AreEqual(14.614645, Level(config, 0), 1e-4);
        Assert.AreEqual(8.302805, Level(config, 1), 1e-4);
        Assert.AreEqual(9.102936, Level(SamplerPresets.Apply(SamplerPresets.Find("dpm++2m-karras"), model), 1), 1e-4);

        static double Level(SchedulerConfig config, int step)
        {
            var (ofSample, ofNoise) = SamplerFactory.Create(config, new SamplerSettings { Steps = 10 }).MixAt(step);
            return ofNoise / ofSample;
        }
    }

    [TestMethod]
    public void Models_of_flow_matching_take_some_samplers()
    {
        var model = ReferenceLoop.Config("FlowMatchEulerDiscreteScheduler", "\"shift\": 3.0");
        foreach (var name in (string[])["dpm++1", "dpm++2m", "dpm++3m", "dpm++2m-sde", "unipc"])
        {
            var config = SamplerPresets.Apply(SamplerPresets.Find(name), model);
            var (ofSample, ofNoise) = SamplerFactory.Create(config, new SamplerSettings { Steps = 4 }).MixAt(1);
            Assert.AreEqual(1, ofSample + ofNoise, 1e-6);
            Assert.AreEqual(3 * 0.75 / (1 + (2 * 0.75)), ofNoise, 2e-3);
        }

        foreach (var name in (string[])["ddim", "euler", "dpm++2m-karras", "unipc-karras"])
        {
            var error = Assert.ThrowsExactly<CompressToolException>(() => SamplerPresets.Apply(SamplerPresets.Find(name), model));
            Assert.Contains("flow-euler, dpm++1", error.Message);
        }

        Assert.Contains("says that this one is not", Assert.ThrowsExactly<CompressToolException>(() => SamplerPresets.Apply(SamplerPresets.Find("flow-euler"), SchedulerConfig.Default)).Message);
    }

    [TestMethod]
    public void Unknown_names_are_offered_the_nearest()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => SamplerPresets.Find("dpm2m"));
        Assert.AreSame(DiffusionErrors.InvalidSampling, error.Code);
        Assert.Contains("there is no sampler 'dpm2m'", error.Message);
        Assert.Contains("did you mean 'unipc'?", Assert.ThrowsExactly<CompressToolException>(() => SamplerPresets.Find("uniPCC")).Message);
    }

    [TestMethod]
    public void Usual_numbers_of_steps_are_those_of_the_presets()
    {
        Assert.AreEqual(50, SamplerPresets.UsualSteps(SchedulerConfig.Default));
        Assert.AreEqual(20, SamplerPresets.UsualSteps(ReferenceLoop.Config("UniPCMultistepScheduler")));
        Assert.AreEqual(4, SamplerPresets.UsualSteps(ReferenceLoop.Config("LCMScheduler")));
    }
}
