using System.Globalization;
using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;

namespace CompressTool.Diffusion.Tests.Samplers;

/// <summary>Sums of absolute values of an implementation of the formulas in float64, which itself gives what diffusers' tests assert.</summary>
[TestClass]
public sealed class ReferenceStepTests
{
    private const string Ddim = "DDIMScheduler", Dpm = "DPMSolverMultistepScheduler", UniPc = "UniPCMultistepScheduler", Euler = "EulerDiscreteScheduler", Lcm = "LCMScheduler";

    private const string V = "\"prediction_type\": \"v_prediction\"", DpmConfig = "\"lower_order_final\": false, \"final_sigmas_type\": \"sigma_min\"",
        Ends = "\"final_sigmas_type\": \"sigma_min\"", Karras = "\"use_karras_sigmas\": true",
        StableDiffusion = "\"beta_start\": 0.00085, \"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\", \"clip_sample\": false";

    [TestMethod]
    [DataRow(Ddim, "", "900:383.9131 800:383.7549 700:381.8766 600:375.7762 500:361.4384 400:334.4068 300:292.1217 200:236.2793 100:171.9979 0:172.0065")]
    [DataRow(Ddim, V, "900:374.8249 800:357.9436 700:329.1507 600:286.6839 500:233.1890 400:175.9623 300:123.7117 200:82.3292 100:52.5328 0:52.5301")]
    [DataRow(Dpm, DpmConfig, "999:384.0854 899:384.1663 799:383.8189 699:382.0094 599:376.6038 500:363.9641 400:340.2701 300:303.6804 200:257.6479 100:253.5529")]
    [DataRow(Dpm, "", "200:257.6479 100:185.0114")]
    [DataRow(Dpm, DpmConfig + ", \"solver_type\": \"heun\"", "999:384.0854 899:384.1196 799:383.7497 699:381.9511 599:376.6086 500:364.1193 400:340.7099 300:304.6637 200:260.0649 100:292.1312")]
    [DataRow(Dpm, DpmConfig + ", \"solver_order\": 3", "799:384.0721 699:382.5270 599:377.5241 500:365.5871 400:342.9703 300:307.6622 200:261.8736 100:176.9627")]
    [DataRow(Dpm, DpmConfig + ", \"solver_order\": 1", "999:384.0854 899:384.4961 799:384.3280 699:382.4196 599:376.3574 500:361.9974 400:334.9240 300:292.5736 200:236.6447 100:172.2640")]
    [DataRow(UniPc, Ends, "999:384.0854 899:383.9991 799:383.8281 699:382.2294 599:377.1877 500:365.1697 400:342.3238 300:306.3666 200:260.0860 100:189.2317")]
    [DataRow(UniPc, Ends + ", \"solver_type\": \"bh1\"", "100:193.5754")]
    [DataRow(UniPc, Ends + ", \"solver_order\": 3", "100:189.9728")]
    [DataRow(Euler, "\"num_train_timesteps\": 1100", "1099:31282.2179 976.8889:11209.1410 854.7778:4598.3739 732.6667:2148.8543 610.5555:1130.2478 488.4445:655.1700 366.3333:406.8847 244.2222:262.2910 122.1111:168.0514 0:168.0514")]
    [DataRow(Euler, "\"use_beta_sigmas\": true", "999:57526.0357 994.216:51585.6408 983.3079:43756.7922 966.6003:34844.0267 942.9897:25573.9462 909.9406:16656.3449 862.0255:8818.6 785.606:2868.0449 629.0066:34.018 0:34.018")]
    [DataRow(Euler, "\"interpolation_type\": \"log_linear\"", "999:23004.58 888:8770.2238 777:3348.8787 666:1290.8577 555:526.9002 444:272.1952 333:199.7651 222:177.7489 111:170.2257 0:170.2257")]
    [DataRow(Lcm, "", "999:618.4800 899:611.3260 799:569.0207 699:555.0235 599:505.9894 499:458.6949 399:423.7791 299:364.2349 199:275.2413 99:197.7616")]
    public void Sum_after_each_step(string className, string config, string expected)
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(className, config), new SamplerSettings { Steps = 10 });
        AssertSums(expected, sampler, ReferenceLoop.Run(sampler), 5e-5);
    }

    private static void AssertSums(string expected, Sampler sampler, List<float[]> samples, double tolerance)
    {
        var sums = sampler.Timesteps.Zip(samples.Select(ReferenceLoop.Sum)).ToList();
        foreach (var (index, pair) in expected.Split(' ').Reverse().Index())
        {
            var parts = Array.ConvertAll(pair.Split(':'), part => double.Parse(part, CultureInfo.InvariantCulture));
            var (timestep, sum) = sums[^(index + 1)];
            Assert.AreEqual(parts[0], timestep, 1e-3);
            Assert.AreEqual(parts[1], sum, tolerance * parts[1], $"timestep {timestep}");
        }
    }

    /// <summary>The third order has a term that diffusers writes with another sign than the derivation: ours is diffusers'.</summary>
    [TestMethod]
    [DataRow(2, "999:147.6972 899:62.1508 799:28.9687 699:14.8677 599:8.3482 500:4.969 400:3.0705 300:1.9116 200:1.1639 100:0.4884")]
    [DataRow(3, "999:147.6972 899:62.1508 799:28.6024 699:14.5571 599:8.1305 500:4.8216 400:2.972 300:1.8486 200:1.1217 100:0.170957")]
    public void Sum_after_each_step_of_the_equation_with_noise(int order, string expected)
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(Dpm, $"{DpmConfig}, \"algorithm_type\": \"sde-dpmsolver++\", \"solver_order\": {order}"), new SamplerSettings { Steps = 10 });
        AssertSums(expected, sampler, ReferenceLoop.Run(sampler, noise: new ReferenceLoop.Silence()), 2e-4);
    }

    [TestMethod]
    public void Sum_after_each_step_of_the_test_that_keeps_samples_scaled()
    {
        double[] expected = [68449.1087, 43081.4366, 23928.9811, 10745.1128, 3183.3303, 288.9666, 44.5560, 17.7133, 10.0812, 10.0807];
        var sums = ReferenceLoop.Run(Euler, "\"num_train_timesteps\": 1100", 10, scaledIsKept: true).Select(ReferenceLoop.Sum);
        foreach (var (sum, wanted) in sums.Zip(expected))
        {
            Assert.AreEqual(wanted, sum, 2e-5 * wanted);
        }
    }

    [TestMethod]
    [DataRow("", 0.660935)]
    [DataRow(V, 0.113222)]
    public void Ddpm_without_noise(string config, double sum) =>
        Assert.AreEqual(sum, ReferenceLoop.Sum(ReferenceLoop.Run("DDPMScheduler", config, 1000, new ReferenceLoop.Silence())[^1]), 1e-3 * sum);

    [TestMethod]
    [DataRow("\"timestep_spacing\": \"trailing\"", 170.0350)]
    [DataRow("\"timestep_spacing\": \"linspace\"", 191.2538)]
    [DataRow("\"steps_offset\": 1", 171.7522)]
    [DataRow("\"clip_sample\": false", 172.0065)]
    public void Ddim_with_other_timesteps(string config, double sum) =>
        Assert.AreEqual(sum, ReferenceLoop.Sum(ReferenceLoop.Run(Ddim, config, 10)[^1]), 5e-5 * sum);

    [TestMethod]
    [DataRow(Ddim, "\"steps_offset\": 1, \"set_alpha_to_one\": false", 183.2582, 192.0829)]
    [DataRow(Ddim, "\"steps_offset\": 1, \"set_alpha_to_one\": false, " + V, 69.5965, 79.2295)]
    [DataRow(Dpm, "\"timestep_spacing\": \"leading\", \"steps_offset\": 1", 185.6732, 190.8373)]
    [DataRow(Dpm, "", 184.0657, 190.4985)]
    [DataRow(Dpm, Karras, 212.5729, 205.5887)]
    [DataRow(UniPc, "", 184.6886, 190.3589)]
    [DataRow(Euler, "", 178.7761, 189.6053)]
    [DataRow(Euler, Karras, 179.5752, 191.9294)]
    public void Schedule_of_stable_diffusion(string className, string config, double sumOf10, double sumOf20)
    {
        var full = config.Length == 0 ? StableDiffusion : $"{StableDiffusion}, {config}";
        Assert.AreEqual(sumOf10, ReferenceLoop.Sum(ReferenceLoop.Run(className, full, 10)[^1]), 1e-4 * sumOf10);
        Assert.AreEqual(sumOf20, ReferenceLoop.Sum(ReferenceLoop.Run(className, full, 20)[^1]), 1e-4 * sumOf20);
    }

    [TestMethod]
    [DataRow("", 197.9790)]
    [DataRow(", " + V, 85.3239)]
    public void Fifty_steps_of_stable_diffusion(string config, double sum) =>
        Assert.AreEqual(sum, ReferenceLoop.Sum(ReferenceLoop.Run(Ddim, $"{StableDiffusion}, \"steps_offset\": 1, \"set_alpha_to_one\": false{config}", 50)[^1]), 1e-4 * sum);

    [TestMethod]
    public void Lcm_with_and_without_noise()
    {
        double[] silent = [4.2752, 0.2735, 0.0639, 0.0330];
        foreach (var (sample, sum) in ReferenceLoop.Run(Lcm, "", 4, new ReferenceLoop.Silence()).Zip(silent))
        {
            Assert.AreEqual(sum, ReferenceLoop.Sum(sample), 1e-4);
        }

        foreach (var (steps, sum) in new[] { (2, 152.5241), (4, 189.0072), (8, 199.1737) })
        {
            Assert.AreEqual(sum, ReferenceLoop.Sum(ReferenceLoop.Run(Lcm, "", steps)[^1]), 1e-4 * sum);
        }
    }

    [TestMethod]
    [DataRow(50, 420, 0.14771)]
    [DataRow(50, 980, 0.32460)]
    [DataRow(1000, 487, 0.00979)]
    [DataRow(1000, 999, 0.02)]
    [DataRow(1000, 0, 0.0)]
    public void Variance_of_ddim(int steps, int timestep, double expected) => Assert.AreEqual(expected, Variance(Ddim, "", steps, timestep), 1e-5);

    [TestMethod]
    [DataRow("", 1, 5.453188e-5, 1e-3)]
    [DataRow("", 487, 0.009791572, 1e-4)]
    [DataRow("", 999, 0.01999998, 1e-5)]
    [DataRow("\"variance_type\": \"fixed_large\"", 1, 1.199199e-4, 1e-3)]
    [DataRow("\"variance_type\": \"fixed_large\"", 487, 0.009801, 1e-4)]
    [DataRow("\"variance_type\": \"fixed_small_log\"", 487, 0.009791572, 1e-4)]
    public void Variance_of_ddpm(string config, int timestep, double expected, double relative) =>
        Assert.AreEqual(expected, Variance("DDPMScheduler", config, 1000, timestep), relative * expected);

    [TestMethod]
    [DataRow("learned", 0.04f, 0.04)]
    [DataRow("learned_range", -1f, 0.009791572)]
    [DataRow("learned_range", 1f, 0.009801)]
    [DataRow("learned_range", 0f, 0.0097963)]
    public void Variance_that_the_model_predicts(string type, float predicted, double expected) =>
        Assert.AreEqual(expected, Variance("DDPMScheduler", $"\"variance_type\": \"{type}\"", 1000, 487, predicted), 1e-4 * expected);

    /// <summary>The square of what one unit of noise changes in a step.</summary>
    private static double Variance(string className, string config, int steps, int timestep, float? predicted = null)
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(className, config), new SamplerSettings { Steps = steps, Eta = 1 });
        var step = sampler.Timesteps.ToList().IndexOf(timestep);
        float[] variance = predicted is { } value ? [value, value] : [], silent = [0.5f, -0.5f], loud = [0.5f, -0.5f];
        sampler.Begin(1, 2, new ReferenceLoop.Silence(), step);
        sampler.Step([0.25f, 0.1f], silent, variance);
        sampler.Begin(1, 2, new Units(), step);
        sampler.Step([0.25f, 0.1f], loud, variance);
        return Math.Pow(loud[0] - (double)silent[0], 2);
    }

    private sealed class Units : INoiseSource
    {
        public void FillNormal(Span<float> destination) => destination.Fill(1);
    }
}
