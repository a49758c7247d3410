using System.Globalization;
using CompressTool.Diffusion.Samplers;

namespace CompressTool.Diffusion.Tests.Samplers;

[TestClass]
public sealed class TimestepTests
{
    private const string Ddim = "DDIMScheduler", Dpm = "DPMSolverMultistepScheduler", UniPc = "UniPCMultistepScheduler", Euler = "EulerDiscreteScheduler", Lcm = "LCMScheduler",
        Flow = "FlowMatchEulerDiscreteScheduler";

    private const string Leading = "\"timestep_spacing\": \"leading\"", Trailing = "\"timestep_spacing\": \"trailing\"", Linspace = "\"timestep_spacing\": \"linspace\"",
        StableDiffusion = "\"beta_start\": 0.00085, \"beta_end\": 0.012, \"beta_schedule\": \"scaled_linear\", ", Karras = "\"use_karras_sigmas\": true", Beta = "\"use_beta_sigmas\": true";

    [TestMethod]
    [DataRow(Ddim, "", 10, "900 800 700 600 500 400 300 200 100 0")]
    [DataRow(Ddim, "\"steps_offset\": 1", 10, "901 801 701 601 501 401 301 201 101 1")]
    [DataRow(Ddim, "\"steps_offset\": 1", 5, "801 601 401 201 1")]
    [DataRow(Ddim, Trailing, 10, "999 899 799 699 599 499 399 299 199 99")]
    [DataRow(Ddim, Trailing, 3, "999 666 332")]
    [DataRow(Ddim, Trailing, 7, "999 856 713 570 428 285 142")]
    [DataRow(Ddim, Trailing, 8, "999 874 749 624 499 374 249 124")]
    [DataRow(Ddim, Linspace, 10, "999 888 777 666 555 444 333 222 111 0")]
    [DataRow(Dpm, "", 10, "999 899 799 699 599 500 400 300 200 100")]
    [DataRow(Dpm, Leading, 10, "900 810 720 630 540 450 360 270 180 90")]
    [DataRow(Dpm, Trailing, 10, "999 899 799 699 599 499 399 299 199 99")]
    [DataRow(Dpm, Karras, 10, "999 937 864 775 663 511 301 102 18 0")]
    [DataRow(Dpm, StableDiffusion + Leading + ", \"steps_offset\": 1", 10, "901 811 721 631 541 451 361 271 181 91")]
    [DataRow(Dpm, StableDiffusion + Karras, 10, "999 916 815 687 523 327 146 41 7 0")]
    [DataRow(UniPc, "", 10, "999 899 799 699 599 500 400 300 200 100")]
    [DataRow(Euler, "\"num_train_timesteps\": 1100", 10, "1099 976.8889 854.7778 732.6667 610.5555 488.4445 366.3333 244.2222 122.1111 0")]
    [DataRow(Euler, "\"num_train_timesteps\": 1100, " + Karras, 10, "1099 1035.5398 961.0526 871.0990 757.8331 605.7797 387.2905 139.5330 23.5352 0")]
    [DataRow(Euler, Beta, 10, "999 994.2160 983.3079 966.6003 942.9897 909.9406 862.0255 785.6060 629.0066 0")]
    [DataRow(Dpm, Beta, 10, "999 994 983 966 942 909 862 785 629 0")]
    [DataRow(UniPc, Beta, 10, "999 994 983 966 942 909 862 785 629 0")]
    [DataRow(Flow, "\"invert_sigmas\": true", 4, "0 333 666 999")]
    [DataRow(Lcm, "", 1, "999")]
    [DataRow(Lcm, "", 2, "999 499")]
    [DataRow(Lcm, "", 4, "999 759 499 259")]
    [DataRow(Lcm, "", 8, "999 879 759 639 499 379 259 139")]
    [DataRow(Lcm, "", 10, "999 899 799 699 599 499 399 299 199 99")]
    [DataRow(UniPc, "\"use_flow_sigmas\": true, \"prediction_type\": \"flow_prediction\", \"sigma_min\": 0.01, \"sigma_max\": 200, " + Karras, 5, "995 978 877 360 9")]
    [DataRow(Flow, "", 4, "1000 667 334 1")]
    public void Timesteps_are_those_of_diffusers(string className, string config, int steps, string expected) =>
        AssertClose(expected, Create(className, config, steps).Timesteps, 1e-2); // Fractions from levels in float64.

    [TestMethod]
    [DataRow(Dpm, "", "157.40729 60.27141 25.52848 11.93952 6.13521 3.44297 2.04109 1.24016 0.72359 0.34226")]
    [DataRow(Dpm, Karras, "157.40729 85.71053 44.04741 21.10541 9.27461 3.65257 1.24633 0.34969 0.07393 0.01000")]
    [DataRow(Dpm, StableDiffusion + Leading + ", \"steps_offset\": 1", "8.39069 5.37633 3.63065 2.55766 1.85856 1.37618 1.02393 0.75151 0.52698 0.32353")]
    [DataRow(Dpm, StableDiffusion + Karras, "14.61464 9.10293 5.47839 3.16860 1.74942 0.91407 0.44692 0.20140 0.08191 0.02917")]
    [DataRow(Euler, "\"num_train_timesteps\": 1100", "261.0556 81.40569 29.11212 11.91257 5.53582 2.86488 1.58682 0.87408 0.40016 0.01000")]
    [DataRow(Euler, "\"num_train_timesteps\": 1100, " + Karras, "261.0556 140.04796 70.69505 33.13892 14.16772 5.38509 1.75217 0.45975 0.08781 0.01000")]
    [DataRow(Euler, Beta, "157.40726 149.99514 134.49005 114.05796 90.80071 66.61655 43.3593 22.92722 7.42212 0.01")]
    [DataRow(Dpm, Beta, "157.40726 149.99514 134.49005 114.05796 90.80071 66.61655 43.3593 22.92722 7.42212 0.01")]
    [DataRow(Euler, "\"interpolation_type\": \"log_linear\"", "157.40726 59.88638 22.78407 8.66831 3.2979 1.2547 0.47736 0.18161 0.0691 0.02629")]
    public void Noise_levels_are_those_of_diffusers(string className, string config, string expected)
    {
        var sampler = Create(className, config, 10);
        AssertClose(expected, [.. Enumerable.Range(0, 10).Select(step => sampler.MixAt(step)).Select(mix => mix.OfNoise / mix.OfSample)], 2e-4, relative: true);
    }

    [TestMethod]
    public void Flow_and_karras_levels_of_unipc_are_those_of_diffusers()
    {
        var sampler = Create(UniPc, "\"use_flow_sigmas\": true, \"prediction_type\": \"flow_prediction\", \"sigma_min\": 0.01, \"sigma_max\": 200, " + Karras, 5);
        AssertClose("0.99502486 0.97874546 0.87748843 0.36049718 0.00990099", [.. Enumerable.Range(0, 5).Select(step => sampler.MixAt(step).OfNoise)], 1e-6);
    }

    [TestMethod]
    public void Trailing_timesteps_are_as_many_as_wanted()
    {
        // Adding up the distance, as numpy's arange does, gives one too many for these.
        foreach (var steps in (int[])[61, 103, 121, 122, 201])
        {
            var timesteps = Create(Ddim, Trailing, steps).Timesteps;
            Assert.HasCount(steps, timesteps);
            Assert.IsGreaterThanOrEqualTo(0, timesteps[^1]);
        }
    }

    [TestMethod]
    public void Steps_near_the_end_can_be_clipped()
    {
        // Half the logarithm of the signal-to-noise ratio of the first timesteps left is at least -5.1.
        var sampler = Create(Dpm, "\"beta_schedule\": \"squaredcos_cap_v2\", \"lambda_min_clipped\": -5.1", 10);
        Assert.IsLessThan(999, sampler.Timesteps[0]);
        var (ofSample, ofNoise) = sampler.MixAt(0);
        Assert.AreEqual(-5.1, Math.Log(ofSample / ofNoise), 0.1);
    }

    [TestMethod]
    public void Levels_of_flow_matching_are_shifted()
    {
        // sigma' = 3 sigma / (1 + 2 sigma), of a line between ends that are shifted already.
        var shifted = Create(Flow, "\"shift\": 3.0", 3);
        Assert.AreEqual(1, shifted.MixAt(0).OfNoise, 1e-6);
        var middle = (1 + 0.0029940119760479044) / 2;
        Assert.AreEqual(3 * middle / (1 + (2 * middle)), shifted.MixAt(1).OfNoise, 1e-6);
        Assert.AreEqual(1000 * shifted.MixAt(1).OfNoise, shifted.Timesteps[1], 1e-3);

        // 1024 tokens: the logarithm of the shift is 0.5 + (1024 - 256) / (4096 - 256) 0.65.
        var dynamic = SamplerFactory.Create(ReferenceLoop.Config(Flow, "\"use_dynamic_shifting\": true, \"shift\": 3.0"), new SamplerSettings { Steps = 2, SequenceLength = 1024 });
        var shift = Math.Exp(0.63);
        Assert.AreEqual(1, dynamic.MixAt(0).OfNoise, 1e-6);
        Assert.AreEqual(shift / (shift + 1), dynamic.MixAt(1).OfNoise, 1e-6);

        var stretched = Create(Flow, "\"shift_terminal\": 0.1", 4);
        Assert.AreEqual(1, stretched.MixAt(0).OfNoise, 1e-6);
        Assert.AreEqual(0.1, stretched.MixAt(3).OfNoise, 1e-6);
    }

    private static Sampler Create(string className, string config, int steps) => SamplerFactory.Create(ReferenceLoop.Config(className, config), new SamplerSettings { Steps = steps });

    private static void AssertClose(string expected, IReadOnlyList<float> actual, double tolerance, bool relative = false)
    {
        var numbers = Array.ConvertAll(expected.Split(' '), text => double.Parse(text, CultureInfo.InvariantCulture));
        Assert.IsTrue(
            numbers.Length == actual.Count && numbers.Zip(actual).All(pair => Math.Abs(pair.First - pair.Second) <= (tolerance * (relative ? pair.First : 1)) + (relative ? 6e-6 : 0)),
            $"expected {expected} but got {string.Join(' ', actual)}");
    }
}
