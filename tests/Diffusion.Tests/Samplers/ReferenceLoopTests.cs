namespace CompressTool.Diffusion.Tests.Samplers;

/// <summary>Sums of absolute values that diffusers' own tests assert, with the tolerances of these tests where not said otherwise.</summary>
[TestClass]
public sealed class ReferenceLoopTests
{
    private const string Ddpm = "DDPMScheduler", Ddim = "DDIMScheduler", Pndm = "PNDMScheduler", Lcm = "LCMScheduler", Dpm = "DPMSolverMultistepScheduler",
        UniPc = "UniPCMultistepScheduler", Euler = "EulerDiscreteScheduler", EulerA = "EulerAncestralDiscreteScheduler", Heun = "HeunDiscreteScheduler", Lms = "LMSDiscreteScheduler";

    private const string DpmConfig = "\"lower_order_final\": false, \"final_sigmas_type\": \"sigma_min\"", V = "\"prediction_type\": \"v_prediction\"",
        Karras = "\"use_karras_sigmas\": true", More = "\"num_train_timesteps\": 1100, \"beta_start\": 0.0001, \"beta_end\": 0.02", UniPcConfig = "\"final_sigmas_type\": \"sigma_min\"";

    [TestMethod]
    [DataRow(Ddpm, "", 1000, 258.9606)]
    [DataRow(Ddpm, V, 1000, 202.0296)]
    [DataRow(Ddim, "", 10, 172.0067)]
    [DataRow(Ddim, V, 10, 52.5302)]
    [DataRow(Ddim, "\"beta_start\": 0.01", 10, 149.8295)]
    [DataRow(Ddim, "\"beta_start\": 0.01, \"set_alpha_to_one\": false", 10, 149.0784)]
    [DataRow(Pndm, "", 10, 198.1318)]
    [DataRow(Pndm, V, 10, 67.3986)]
    [DataRow(Pndm, "\"beta_start\": 0.01, \"set_alpha_to_one\": true", 10, 230.0399)]
    [DataRow(Pndm, "\"beta_start\": 0.01", 10, 186.9482)]
    [DataRow(Lcm, "", 1, 18.7097, 1e-3)]
    [DataRow(Lcm, "", 10, 197.7616, 1e-3)]
    [DataRow(Heun, More, 10, 0.1233)]
    [DataRow(Lms, More, 10, 1006.388)]
    [DataRow(Lms, More + ", " + V, 10, 0.0017)]
    [DataRow(Lms, More + ", " + Karras, 10, 3812.9927, 2e-2)]
    [DataRow(Euler, More, 10, 10.0807)]
    [DataRow(Euler, More + ", " + V, 10, 0.0002)]
    [DataRow(Euler, More + ", " + Karras, 10, 124.52299)]
    [DataRow(EulerA, More, 10, 152.3192)]
    [DataRow(EulerA, More + ", " + V, 10, 108.4439)]
    public void Sum_of_a_full_loop(string className, string config, int steps, double sum, double tolerance = 1e-2) =>
        Assert.AreEqual(sum, ReferenceLoop.Sum(ReferenceLoop.Run(className, config, steps, scaledIsKept: true)[^1]), tolerance);

    [TestMethod]
    [DataRow(Ddpm, "", 1000, 998, 387.9466)]
    [DataRow(Ddim, "", 10, 8, 354.5418)]
    [DataRow(Dpm, DpmConfig, 10, 5, 318.4111)]
    [DataRow(UniPc, UniPcConfig, 10, 8, 315.5757)]
    [DataRow(Euler, More, 10, 8, 57062.9297, 1e-5 * 57062.9297)]
    [DataRow(EulerA, More, 10, 8, 56163.0508, 1e-5 * 56163.0508)]
    [DataRow(Heun, More, 10, 16, 75074.8906, 1e-5 * 75074.8906)]
    public void Sum_of_a_loop_that_starts_from_a_noisy_sample(string className, string config, int steps, int firstStep, double sum, double tolerance = 1e-2) =>
        Assert.AreEqual(sum, ReferenceLoop.Sum(ReferenceLoop.Run(className, config, steps, scaledIsKept: true, firstStep: firstStep)[^1]), tolerance);

    // Karras levels with velocities were asserted before diffusers' change to sigmas of September 2023; what a port of today's
    // code gives was computed in float64.
    [TestMethod]
    [DataRow(Dpm, DpmConfig, 0.3301)]
    [DataRow(Dpm, DpmConfig + ", " + V, 0.2251)]
    [DataRow(Dpm, DpmConfig + ", " + V + ", " + Karras, 0.2096)]
    [DataRow(Dpm, DpmConfig + ", " + V + ", " + Karras, 0.2092, 2e-4)]
    [DataRow(Dpm, DpmConfig + ", " + V + ", \"use_lu_lambdas\": true", 0.1554)]
    [DataRow(Dpm, DpmConfig + ", \"thresholding\": true, \"dynamic_thresholding_ratio\": 0.87, \"sample_max_value\": 0.5", 1.1364)]
    [DataRow(UniPc, UniPcConfig, 0.2464)]
    [DataRow(UniPc, UniPcConfig + ", " + Karras, 0.2925)]
    [DataRow(UniPc, UniPcConfig + ", " + V, 0.1014)]
    [DataRow(UniPc, UniPcConfig + ", " + V + ", " + Karras, 0.1966)]
    [DataRow(UniPc, UniPcConfig + ", " + V + ", " + Karras, 0.1962, 2e-4)]
    public void Mean_of_a_full_loop(string className, string config, double mean, double tolerance = 1e-3) =>
        Assert.AreEqual(mean, ReferenceLoop.Sum(ReferenceLoop.Run(className, config, 10)[^1]) / ReferenceLoop.Length, tolerance);

    [TestMethod]
    [DataRow("", 0.2441)]
    [DataRow(", " + Karras, 0.2898)]
    [DataRow(", " + V, 0.1014)]
    [DataRow(", " + V + ", " + Karras, 0.1944)]
    public void Mean_of_a_full_loop_of_sequences(string config, double mean)
    {
        const int length = 3 * 8;
        var sampler = CompressTool.Diffusion.Samplers.SamplerFactory.Create(ReferenceLoop.Config(UniPc, UniPcConfig + config), new() { Steps = 10 });
        var last = ReferenceLoop.Run(sampler, itemLength: length)[^1];
        Assert.AreEqual(mean, ReferenceLoop.Sum(last) / last.Length, 1e-3);
    }
}
