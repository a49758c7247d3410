using CompressTool.Diffusion.Samplers;

namespace CompressTool.Diffusion.Tests.Samplers;

[TestClass]
public sealed class SchedulerRunsTests
{
    private const double Tolerance = 1e-4;

    public static IEnumerable<object[]> Names => SchedulerRuns.All.Select(run => new object[] { run["name"]!.GetValue<string>() });

    [TestMethod]
    public void All_runs_are_there() => Assert.HasCount(48, Names.ToList());

    [TestMethod]
    [DynamicData(nameof(Names))]
    public void Every_step_is_that_of_diffusers(string name)
    {
        var run = SchedulerRuns.All.Single(run => run["name"]!.GetValue<string>() == name);
        var settings = new SamplerSettings { Steps = run["steps"]!.GetValue<int>(), Eta = run["step_kwargs"]!["eta"]?.GetValue<double>() ?? 0 };
        var sampler = SamplerFactory.Create(SchedulerRuns.Config(run), settings);
        var noise = new SchedulerRuns.RecordedNoise();
        var steps = run["samples"]!.AsArray();
        var sample = SchedulerRuns.Floats(SchedulerRuns.File["x0"]);

        AssertClose(SchedulerRuns.Floats(run["timesteps"]), [.. sampler.Timesteps], 1e-5, "timesteps");
        Assert.AreEqual(run["init_noise_sigma"]!.GetValue<double>(), sampler.InitialNoiseScale, 1e-5 * sampler.InitialNoiseScale);
        for (var i = 0; i < sample.Length; i++)
        {
            sample[i] *= sampler.InitialNoiseScale;
        }

        AssertClose(SchedulerRuns.Floats(run["x_T"]), sample, 1e-6, "start");
        sampler.Begin(1, sample.Length, noise);
        for (var step = 0; step < sampler.Timesteps.Count; step++)
        {
            var input = Array.ConvertAll(sample, value => value * sampler.InputScale);
            sampler.Step(SchedulerRuns.Model(input, sampler.Timesteps[step]), sample);
            AssertClose(SchedulerRuns.Floats(steps[step]), sample, Tolerance, $"step {step}");

            // Euler's method draws noise there and does not use it.
            var drawn = run["scheduler"]!.GetValue<string>() == "EulerDiscreteScheduler" ? 0 : run["draws"]![step]!.GetValue<int>();
            Assert.AreEqual(drawn, noise.Drawn);
        }

        Assert.AreEqual(steps.Count, sampler.Position);
    }

    private static void AssertClose(float[] expected, float[] actual, double tolerance, string what)
    {
        Assert.HasCount(expected.Length, actual);
        var limit = tolerance * expected.Max(Math.Abs);
        var error = expected.Zip(actual).Max(pair => Math.Abs((double)pair.First - pair.Second));
        Assert.IsLessThanOrEqualTo(limit, error, $"{what}: {error}");
    }
}
