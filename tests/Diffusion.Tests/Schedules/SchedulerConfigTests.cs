using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Diffusion.Tests.Schedules;

[TestClass]
public sealed class SchedulerConfigTests
{
    [TestMethod]
    public void File_of_stable_diffusion_is_read_as_it_is()
    {
        var config = Parse("""
            {
              "_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
              "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false
            }
            """);

        Assert.AreEqual("PNDMScheduler", config.ClassName);
        Assert.AreEqual(PredictionType.Epsilon, config.Prediction);
        Assert.IsFalse(config.IsFlow);
        Assert.AreEqual(0.00466009602f, config.NoiseSchedule().AlphasCumprod[^1], 2e-9f);
        Assert.AreEqual(981, Create(config, 50).Timesteps[0]);

        // Another class takes the keys it knows, and its own defaults for the rest.
        Assert.AreEqual(999, Create(config.With("DPMSolverMultistepScheduler"), 20).Timesteps[0]);
        Assert.AreEqual(0.0291675f, Create(config.With("EulerDiscreteScheduler"), 20).MixAt(19).OfNoise, 1e-6f);
    }

    [TestMethod]
    public void Numbers_that_json_does_not_have_are_read_as_python_writes_them()
    {
        var config = Parse("""{ "_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "_note": "a \"-Infinity\" in a text" }""");
        Assert.AreEqual(999, Create(config, 10).Timesteps[0]);
        Assert.AreEqual("""{ "a": "NaN", "b": "x NaN \" NaN" }""", PythonJson.ToJson("""{ "a": NaN, "b": "x NaN \" NaN" }"""));
    }

    [TestMethod]
    public void Betas_can_be_given()
    {
        var config = Parse("""{ "_class_name": "DDIMScheduler", "trained_betas": [0.1, 0.2, 0.3, 0.4] }""");
        var schedule = config.NoiseSchedule();
        Assert.AreEqual(4, schedule.Timesteps);
        Assert.AreEqual(0.9 * 0.8 * 0.7, schedule.AlphasCumprod[2], 1e-6);
        Assert.AreSequenceEqual([2f, 0], Create(config, 2).Timesteps);
    }

    [TestMethod]
    [DataRow("""{ "_class_name": "DEISMultistepScheduler" }""", "the scheduler DEISMultistepScheduler is not supported")]
    [DataRow("""{ "_class_name": "DDIMSchedular" }""", "did you mean 'DDIMScheduler'?")]
    [DataRow("""{ "_class_name": "DDIMScheduler", "beta_shedule": "linear" }""", "the key 'beta_shedule' is not known, and may change what the scheduler does; did you mean 'beta_schedule'?")]
    [DataRow("""{ "_class_name": "DDIMScheduler", "beta_schedule": "laplace" }""", "beta_schedule 'laplace' is not supported with DDIMScheduler: linear, scaled_linear, squaredcos_cap_v2, sigmoid are")]
    [DataRow("""{ "_class_name": "DDIMScheduler", "prediction_type": "epsilom" }""", "did you mean 'epsilon'?")]
    [DataRow("""{ "_class_name": "DDIMScheduler", "timestep_spacing": "quad" }""", "timestep_spacing 'quad' is not supported with DDIMScheduler: leading, trailing, linspace are")]
    [DataRow("""{ "_class_name": "DDIMScheduler", "prediction_type": "flow_prediction" }""", "DDIMScheduler cannot use prediction_type 'flow_prediction': it takes epsilon, sample, v_prediction")]
    [DataRow("""{ "_class_name": "PNDMScheduler", "prediction_type": "sample" }""", "PNDMScheduler cannot use prediction_type 'sample': it takes epsilon, v_prediction")]
    [DataRow("""{ "_class_name": "DDPMScheduler", "variance_type": "fixed_large_log" }""", "variance_type 'fixed_large_log' is not supported")]
    [DataRow("""{ "_class_name": "DDPMScheduler", "clip_sample": 1 }""", "clip_sample is 1, but must be true or false")]
    [DataRow("""{ "_class_name": "DDPMScheduler", "num_train_timesteps": 0.5 }""", "num_train_timesteps is 0.5, but must be a whole number from 1")]
    [DataRow("""{ "_class_name": "DDPMScheduler", "beta_start": "small" }""", "beta_start is \"small\", but must be a number")]
    [DataRow("""{ "_class_name": "DDPMScheduler", "trained_betas": 0.1 }""", "trained_betas is 0.1, but must be a list of numbers")]
    [DataRow("""{ "_class_name": "DDIMScheduler", "rescale_betas_zero_snr": true, "timestep_spacing": "trailing" }""", "prediction_type must be v_prediction or sample")]
    [DataRow("""{ "_class_name": "EulerDiscreteScheduler", "interpolation_type": "cubic" }""", "interpolation_type 'cubic' is not supported with EulerDiscreteScheduler: linear, log_linear are")]
    [DataRow("""{ "_class_name": "EulerDiscreteScheduler", "interpolation_type": "log_linear", "timestep_type": "continuous", "prediction_type": "v_prediction" }""", "one step more than wanted")]
    [DataRow("""{ "_class_name": "LMSDiscreteScheduler", "use_karras_sigmas": true, "use_beta_sigmas": true }""", "use_karras_sigmas and use_beta_sigmas exclude each other")]
    [DataRow("""{ "_class_name": "UniPCMultistepScheduler", "use_flow_sigmas": true, "prediction_type": "flow_prediction", "use_beta_sigmas": true }""", "exclude use_flow_sigmas")]
    [DataRow("""{ "_class_name": "EulerDiscreteScheduler", "use_karras_sigmas": true, "use_exponential_sigmas": true }""", "use_karras_sigmas and use_exponential_sigmas exclude each other")]
    [DataRow("""{ "_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "dpmsolver" }""", "set it to 'sigma_min'")]
    [DataRow("""{ "_class_name": "DPMSolverMultistepScheduler", "solver_order": 4 }""", "solver_order 4 is not supported with DPMSolverMultistepScheduler: 1, 2 and 3 are")]
    [DataRow("""{ "_class_name": "UniPCMultistepScheduler", "solver_p": ["diffusers", "DDIMScheduler"] }""", "solver_p is")]
    [DataRow("""{ "_class_name": "UniPCMultistepScheduler", "disable_corrector": ["first"] }""", "but must be a list of steps")]
    [DataRow("""{ "_class_name": "FlowMatchEulerDiscreteScheduler", "invert_sigmas": true, "stochastic_sampling": true }""", "invert_sigmas and stochastic_sampling exclude each other")]
    [DataRow("""{ "_class_name": "DPMSolverMultistepScheduler", "use_flow_sigmas": true, "prediction_type": "flow_prediction", "invert_sigmas": true }""", "invert_sigmas true is not supported with DPMSolverMultistepScheduler")]
    public void What_is_not_supported_is_said(string json, string message)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => Create(Parse(json), 10));
        Assert.AreSame(DiffusionErrors.UnsupportedScheduler, error.Code);
        Assert.StartsWith("'scheduler_config.json': ", error.Message);
        Assert.Contains(message, error.Message);
    }

    [TestMethod]
    [DataRow("DDIMScheduler", "", 0, "from 1 to 1000 are")]
    [DataRow("DDIMScheduler", "", 1001, "1001 steps are not possible: from 1 to 1000 are")]
    [DataRow("DDIMScheduler", ", \"steps_offset\": 1", 1000, "begin at timestep 1000, but the last one is 999")]
    [DataRow("DPMSolverMultistepScheduler", "", 1000, "from 1 to 999 are")]
    [DataRow("PNDMScheduler", "", 3, "at least 4 steps")]
    [DataRow("LCMScheduler", "", 51, "original_inference_steps (50)")]
    [DataRow("FlowMatchEulerDiscreteScheduler", "", 0, "at least one is needed")]
    [DataRow("FlowMatchEulerDiscreteScheduler", ", \"use_dynamic_shifting\": true", 4, "depends on the size of the image")]
    public void Numbers_of_steps_that_do_not_fit_are_said(string className, string config, int steps, string message)
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => Create(Parse($$"""{ "_class_name": "{{className}}"{{config}} }"""), steps));
        Assert.AreSame(DiffusionErrors.InvalidSampling, error.Code);
        Assert.Contains(message, error.Message);
    }

    [TestMethod]
    [DataRow("[]")]
    [DataRow("{}")]
    [DataRow("""{ "_class_name": 5 }""")]
    [DataRow("""{ "_class_name": "DDIMScheduler" """)]
    [DataRow("""{ "_class_name": "DDIMScheduler", "_class_name": "DDPMScheduler" }""")]
    [DataRow("")]
    public void Files_of_another_kind_are_refused(string json) =>
        Assert.AreSame(DiffusionErrors.InvalidScheduler, Assert.ThrowsExactly<CompressToolException>(() => Parse(json)).Code);

    [TestMethod]
    public void Files_are_read()
    {
        using var folder = new TempFolder();
        var path = folder.Write("scheduler_config.json", """{ "_class_name": "LCMScheduler" }""");
        Assert.AreEqual(path, SchedulerConfig.Load(path).Source);
        Assert.AreSame(DiffusionErrors.InvalidScheduler, Assert.ThrowsExactly<CompressToolException>(() => SchedulerConfig.Load(folder.File("missing.json"))).Code);
    }

    [TestMethod]
    public void Models_of_flow_matching_have_no_betas()
    {
        var config = Parse("""{ "_class_name": "FlowMatchEulerDiscreteScheduler", "shift": 3.0 }""");
        Assert.AreEqual(PredictionType.Flow, config.Prediction);
        Assert.AreSame(DiffusionErrors.UnsupportedScheduler, Assert.ThrowsExactly<CompressToolException>(() => config.NoiseSchedule()).Code);
    }

    [TestMethod]
    public void Every_configuration_of_the_oracles_is_read()
    {
        if (Repository.OracleFolder is not { } oracles || !Directory.Exists(oracles))
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        var files = Directory.GetFiles(oracles, "scheduler_config.json", SearchOption.AllDirectories);
        Assert.IsNotEmpty(files);
        foreach (var file in files)
        {
            Assert.AreEqual(20, Create(SchedulerConfig.Load(file), 20).Timesteps.Distinct().Count());
        }
    }

    private static SchedulerConfig Parse(string json) => SchedulerConfig.Parse(json, "scheduler_config.json");

    private static Sampler Create(SchedulerConfig config, int steps) => SamplerFactory.Create(config, new SamplerSettings { Steps = steps });
}
