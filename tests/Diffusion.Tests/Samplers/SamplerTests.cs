using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;

namespace CompressTool.Diffusion.Tests.Samplers;

[TestClass]
public sealed class SamplerTests
{
    public static IEnumerable<object[]> Classes => SamplerFactory.Classes.Select(name => new object[] { name });

    [TestMethod]
    [DynamicData(nameof(Classes))]
    public void Second_run_knows_nothing_of_the_first(string className)
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(className), new SamplerSettings { Steps = 5 });
        var first = ReferenceLoop.Run(sampler);
        ReferenceLoop.Run(sampler, items: 2, itemLength: 7);
        var half = SamplerFactory.Create(ReferenceLoop.Config(className), new SamplerSettings { Steps = 5 });
        half.Begin(ReferenceLoop.Items, ReferenceLoop.ItemLength, new TorchGenerator(0));
        half.Step(ReferenceLoop.Noise(), ReferenceLoop.Sample());

        Assert.AreSequenceEqual(first[^1], ReferenceLoop.Run(sampler)[^1]);
        Assert.AreSequenceEqual(first[^1], ReferenceLoop.Run(half)[^1]);
        Assert.IsTrue(first[^1].All(float.IsFinite));
    }

    [TestMethod]
    [DynamicData(nameof(Classes))]
    public void Samples_of_a_batch_do_not_touch_each_other(string className)
    {
        const string thresholding = "\"thresholding\": true, \"sample_max_value\": 1.5";
        var sampler = SamplerFactory.Create(ReferenceLoop.Config(className, thresholding), new SamplerSettings { Steps = 5 });
        float[] both = [1, 2, 3, -1, 0.5f, -0.25f], one = [1, 2, 3], other = [-1, 0.5f, -0.25f];
        foreach (var sample in new[] { both, one, other })
        {
            sampler.Begin(sample.Length / 3, 3, new ReferenceLoop.Silence());
            while (sampler.Position < sampler.Timesteps.Count)
            {
                sampler.Step(Array.ConvertAll(sample, value => value / 2), sample);
            }
        }

        Assert.AreSequenceEqual(both, [.. one, .. other]);
    }

    [TestMethod]
    public void Steps_come_between_begin_and_end_and_fit_the_run()
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config("DDIMScheduler"), new SamplerSettings { Steps = 1 });
        var sample = new float[4];
        Assert.ThrowsExactly<InvalidOperationException>(() => sampler.Step(new float[4], sample));
        sampler.Begin(2, 2, new ReferenceLoop.Silence());
        Assert.ThrowsExactly<ArgumentException>(() => sampler.Step(new float[3], sample));
        Assert.ThrowsExactly<ArgumentException>(() => sampler.Step(new float[4], sample, new float[2]));
        sampler.Step(new float[4], sample);
        Assert.ThrowsExactly<InvalidOperationException>(() => sampler.Step(new float[4], sample));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => sampler.Begin(2, 2, new ReferenceLoop.Silence(), 2));
    }

    [TestMethod]
    public void Clean_samples_are_limited_by_a_quantile()
    {
        // The estimate is the output; sizes 0 to 2 in five steps: 80 % lie below 1.6, the limit.
        var sampler = SamplerFactory.Create(
            ReferenceLoop.Config("DDIMScheduler", "\"prediction_type\": \"sample\", \"thresholding\": true, \"dynamic_thresholding_ratio\": 0.8, \"sample_max_value\": 10.0"),
            new SamplerSettings { Steps = 1 });
        var sample = new float[6];
        sampler.Begin(1, 6, new ReferenceLoop.Silence());
        sampler.Step([0, 0.4f, -0.8f, 1.2f, -1.6f, 2], sample);
        foreach (var (expected, actual) in new[] { 0, 0.25f, -0.5f, 0.75f, -1, 1 }.Zip(sample))
        {
            Assert.AreEqual(expected, actual, 1e-6f);
        }
    }

    [TestMethod]
    public void Flow_matching_follows_the_line_from_noise_to_sample()
    {
        foreach (var config in (string[])["\"shift\": 3.0", "\"use_karras_sigmas\": true", "\"stochastic_sampling\": true"])
        {
            var sampler = SamplerFactory.Create(ReferenceLoop.Config("FlowMatchEulerDiscreteScheduler", config), new SamplerSettings { Steps = 7 });
            AssertFollowsLine(sampler);
        }

        AssertFollowsLine(SamplerFactory.Create(ReferenceLoop.Config("FlowMatchEulerDiscreteScheduler", "\"invert_sigmas\": true, \"shift\": 3.0"), new SamplerSettings { Steps = 7 }), direction: -1);

        foreach (var className in (string[])["DPMSolverMultistepScheduler", "UniPCMultistepScheduler"])
        {
            AssertFollowsLine(SamplerFactory.Create(ReferenceLoop.Config(className, "\"use_flow_sigmas\": true, \"flow_shift\": 3.0, \"prediction_type\": \"flow_prediction\""), new SamplerSettings { Steps = 7 }));
        }

        static void AssertFollowsLine(Sampler sampler, float direction = 1)
        {
            float[] clean = [0.5f, -2], noise = [1, 0.25f];
            float[] sample = [.. clean.Zip(noise, (x, n) => (sampler.MixAt(0).OfSample * x) + (sampler.MixAt(0).OfNoise * n))];
            sampler.Begin(1, 2, new Repeated(noise));
            while (sampler.Position < sampler.Timesteps.Count)
            {
                // A model that knows both ends.
                sampler.Step([.. clean.Zip(noise, (x, n) => direction * (n - x))], sample);
            }

            foreach (var (expected, actual) in clean.Zip(sample))
            {
                Assert.AreEqual(expected, actual, 1e-5f);
            }
        }
    }

    [TestMethod]
    public void Velocities_can_have_a_continuous_timestep()
    {
        var sampler = SamplerFactory.Create(ReferenceLoop.Config("EulerDiscreteScheduler", "\"timestep_type\": \"continuous\", \"prediction_type\": \"v_prediction\""), new SamplerSettings { Steps = 3 });
        Assert.AreEqual(Math.Log(157.40729) / 4, sampler.Timesteps[0], 1e-5);
    }

    private sealed class Repeated(float[] numbers) : INoiseSource
    {
        public void FillNormal(Span<float> destination) => numbers.CopyTo(destination);
    }
}
