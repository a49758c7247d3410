using CompressTool.Diffusion.Samplers;

namespace CompressTool.Diffusion.Tests.Samplers;

/// <summary>
/// Samples of a normal distribution, whose model is known: the estimate of the clean sample is alpha s² / v times the noisy
/// one, with v = alpha² s² + sigma². The differential equation then keeps sample / sqrt(v), and the mean of the one with noise
/// keeps alpha sample / v.
/// </summary>
[TestClass]
public sealed class ExactSolutionTests
{
    private const double Deviation = 0.4;

    private const string Schedule = "\"beta_start\": 0.00085, \"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\", \"clip_sample\": false, ", SigmaMin = "\"final_sigmas_type\": \"sigma_min\", \"use_exponential_sigmas\": true, ",
        Exponential = "\"use_exponential_sigmas\": true";

    private const string Dpm = "DPMSolverMultistepScheduler", UniPc = "UniPCMultistepScheduler";

    [TestMethod]
    [DataRow("DDIMScheduler", "\"timestep_spacing\": \"trailing\"", 1)]
    [DataRow("PNDMScheduler", "\"timestep_spacing\": \"trailing\", \"set_alpha_to_one\": true, \"skip_prk_steps\": true", 1)]
    [DataRow("PNDMScheduler", "\"timestep_spacing\": \"trailing\", \"set_alpha_to_one\": true", 1)]
    [DataRow("EulerDiscreteScheduler", Exponential, 1)]
    [DataRow("HeunDiscreteScheduler", Exponential, 2)]
    [DataRow("LMSDiscreteScheduler", Exponential, 3)]
    [DataRow(Dpm, SigmaMin + "\"solver_order\": 1", 1)]
    [DataRow(Dpm, SigmaMin + "\"solver_order\": 2", 2)]
    [DataRow(Dpm, SigmaMin + "\"solver_order\": 2, \"solver_type\": \"heun\"", 2)]
    [DataRow(Dpm, SigmaMin + "\"solver_order\": 3", 3)]
    [DataRow(Dpm, SigmaMin + "\"algorithm_type\": \"dpmsolver\", \"solver_order\": 1", 1)]
    [DataRow(Dpm, SigmaMin + "\"algorithm_type\": \"dpmsolver\", \"solver_order\": 2", 2)]
    [DataRow(Dpm, SigmaMin + "\"algorithm_type\": \"dpmsolver\", \"solver_order\": 2, \"solver_type\": \"heun\"", 2)]
    [DataRow(Dpm, SigmaMin + "\"algorithm_type\": \"dpmsolver\", \"solver_order\": 3", 3)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 1", 2)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 2", 3)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 3", 4)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 3, \"solver_type\": \"bh1\"", 4)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 2, \"predict_x0\": false", 3)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 3, \"predict_x0\": false", 4)]
    [DataRow(UniPc, SigmaMin + "\"solver_order\": 2, \"disable_corrector\": [0, 1, 2, 3]", 2)]
    public void Differential_equation_is_solved_with_the_order_of_the_method(string className, string config, int order)
    {
        foreach (var prediction in (string[])["epsilon", "v_prediction"])
        {
            AssertConverges(order, steps => Run(className, $"{Schedule}\"prediction_type\": \"{prediction}\", {config}", steps));
        }
    }

    [TestMethod]
    [DataRow("sde-dpmsolver++", 1, "midpoint")]
    [DataRow("sde-dpmsolver++", 2, "midpoint")]
    [DataRow("sde-dpmsolver++", 2, "heun")]
    [DataRow("sde-dpmsolver++", 3, "midpoint", 1)]
    [DataRow("sde-dpmsolver", 1, "midpoint")]
    [DataRow("sde-dpmsolver", 2, "midpoint")]
    [DataRow("sde-dpmsolver", 2, "heun")]
    [DataRow("sde-dpmsolver", 3, "midpoint", 2)]
    public void Mean_of_the_equation_with_noise_is_kept_with_the_order_of_the_method(string algorithm, int order, string solver, int? power = null) => AssertConverges(power ?? order, steps =>
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(Dpm, $"{Schedule}{SigmaMin}\"algorithm_type\": \"{algorithm}\", \"solver_order\": {order}, \"solver_type\": \"{solver}\""), new SamplerSettings { Steps = steps });
        var (first, last) = (Variance(sampler.MixAt(0)), Variance(sampler.MixAt(steps - 1)));
        var kept = last.Variance / last.Alpha * first.Alpha / first.Variance;
        return (Sample(sampler, 1) / kept) - 1;
    });

    /// <summary>With a model that is none of a normal distribution, so that estimates of clean samples change on the way.</summary>
    [TestMethod]
    [DataRow(1, "midpoint", 8e-2)]
    [DataRow(2, "midpoint", 1e-3)]
    [DataRow(3, "midpoint", 8e-2)]
    public void All_orders_of_the_equation_with_noise_have_one_limit(int order, string solver, double tolerance)
    {
        var limit = Solve(2, "heun", 900);
        Assert.AreEqual(limit, Solve(order, solver, 200), tolerance * limit);

        static double Solve(int order, string solver, int steps)
        {
            var sampler = SamplerFactory.Create(ReferenceLoop.Config(Dpm, $"{Schedule}{SigmaMin}\"prediction_type\": \"sample\", \"algorithm_type\": \"sde-dpmsolver++\", \"solver_order\": {order}, \"solver_type\": \"{solver}\""), new SamplerSettings { Steps = steps });
            float[] sample = [1];
            sampler.Begin(1, 1, new ReferenceLoop.Silence());
            while (sampler.Position < sampler.Timesteps.Count)
            {
                sampler.Step([0.6f * sample[0]], sample);
            }

            return sample[0];
        }
    }

    /// <summary>Twice the steps leave an error that is smaller by a power of two, until only roundings are left.</summary>
    private static void AssertConverges(int order, Func<int, double> errorOf)
    {
        const double roundings = 3e-5;
        var (few, many) = (Math.Abs(errorOf(100)), Math.Abs(errorOf(200)));
        Assert.IsLessThan(0.25, few);
        Assert.IsLessThan(Math.Max(1.35 * few / Math.Pow(2, order), roundings), many);
    }

    /// <summary>The relative error at the end of a run.</summary>
    private static double Run(string className, string config, int steps)
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(className, config), new SamplerSettings { Steps = steps });
        var unscaled = sampler.InputScale < 1;
        var (first, last) = (Variance(sampler.MixAt(0)), config.Contains(Exponential) ? Variance((1, 0.0291675f)) : (1, Deviation * Deviation));
        var start = (unscaled ? first.Alpha : 1) / Math.Sqrt(first.Variance);
        return (Sample(sampler, 1, config.Contains("v_prediction")) * (unscaled ? last.Alpha : 1) / Math.Sqrt(last.Variance) / start) - 1;
    }

    private static (double Alpha, double Variance) Variance((float OfSample, float OfNoise) mix)
    {
        var size = Math.Sqrt((mix.OfSample * mix.OfSample) + (mix.OfNoise * mix.OfNoise));
        var (alpha, sigma) = (mix.OfSample / size, mix.OfNoise / size);
        return (alpha, (alpha * alpha * Deviation * Deviation) + (sigma * sigma));
    }

    private static float Sample(Sampler sampler, float start, bool velocity = false)
    {
        float[] sample = [start];
        sampler.Begin(1, 1, new ReferenceLoop.Silence());

        // Without the last step to no noise at all, which is none of these differential equations.
        while (sampler.Position < sampler.Timesteps.Count - (sampler.InputScale < 1 ? 1 : 0))
        {
            var (alpha, variance) = Variance(sampler.MixAt(sampler.Position));
            var noisy = sample[0] * sampler.InputScale;
            var sigma = Math.Sqrt(1 - (alpha * alpha));
            var (clean, noise) = (alpha * Deviation * Deviation / variance * noisy, sigma / variance * noisy);
            sampler.Step([(float)(velocity ? (alpha * noise) - (sigma * clean) : noise)], sample);
        }

        return sample[0];
    }
}
