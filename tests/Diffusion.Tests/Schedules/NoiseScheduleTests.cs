using System.Text.Json.Nodes;
using CompressTool.Diffusion.Schedules;
using CompressTool.Diffusion.Tests.Samplers;

namespace CompressTool.Diffusion.Tests.Schedules;

[TestClass]
public sealed class NoiseScheduleTests
{
    [TestMethod]
    [DataRow("linear")]
    [DataRow("scaled_linear_sd")]
    [DataRow("squaredcos_cap_v2")]
    public void Tables_are_those_of_pytorch_but_for_the_last_bit(string name)
    {
        const double bit = 2.4e-7; // PyTorch's vector code rounds points of a line in ways that depend on the processor.
        var (schedule, expected) = (Create(name), SchedulerRuns.File["betas"]![name]!);
        foreach (var (index, beta) in SchedulerRuns.Floats(expected["every_50th_beta"]).Index())
        {
            Assert.AreEqual(beta, schedule.Betas[50 * index], bit * beta, $"beta {50 * index}");
        }

        foreach (var (index, product) in SchedulerRuns.Floats(expected["every_50th_alphas_cumprod"]).Index())
        {
            Assert.AreEqual(product, schedule.AlphasCumprod[50 * index], bit * product, $"product {50 * index}");
        }

        var (last, sum) = (expected["last_alpha_cumprod"]!.GetValue<double>(), expected["sum_betas"]!.GetValue<double>());
        Assert.AreEqual(last, schedule.AlphasCumprod[^1], bit * last);
        Assert.AreEqual(sum, schedule.Betas.Sum(beta => (double)beta), 1e-7 * sum);
    }

    [TestMethod]
    [DataRow(BetaSchedule.Linear, 1e-4, 0.02, 0.01005996, 0.02, 0.9999, 0.52142303, 0.077796658, 0.0033001584, 4.0358298e-5)]
    [DataRow(BetaSchedule.ScaledLinear, 0.00085, 0.012, 0.0048149545, 0.012, 0.99915, 0.67379263, 0.27633268, 0.056169848, 0.0046600985)]
    [DataRow(BetaSchedule.SquaredCosine, 0.0, 0.0, 0.0031556915, 0.999, 0.99995872, 0.84588799, 0.49228517, 0.14317865, 2.4287355e-9)]
    public void Tables_follow_the_formulas(BetaSchedule kind, double start, double end, double beta500, double beta999, double p0, double p250, double p500, double p750, double p999)
    {
        var schedule = new NoiseSchedule(kind, start, end);
        Assert.AreEqual(1000, schedule.Timesteps);
        foreach (var (expected, actual) in new[]
        {
            (beta500, schedule.Betas[500]), (beta999, schedule.Betas[999]), (p0, schedule.AlphasCumprod[0]), (p250, schedule.AlphasCumprod[250]),
            (p500, schedule.AlphasCumprod[500]), (p750, schedule.AlphasCumprod[750]), (p999, schedule.AlphasCumprod[999]),
        })
        {
            Assert.AreEqual(expected, actual, 1e-6 * expected);
        }
    }

    [TestMethod]
    [DataRow(BetaSchedule.Linear, 1e-4, 0.02, 0.9999, 0.075246216, 4.2132623e-9)]
    [DataRow(BetaSchedule.ScaledLinear, 0.00085, 0.012, 0.99915, 0.24101878, 1.9678878e-7)]
    [DataRow(BetaSchedule.SquaredCosine, 0.0, 0.0, 0.99995872, 0.49226454, 2.2778123e-6)]
    public void Last_timestep_can_be_noise_alone(BetaSchedule kind, double start, double end, double p0, double p500, double p998)
    {
        var products = new NoiseSchedule(kind, start, end, zeroTerminalSnr: true).AlphasCumprod;
        Assert.AreEqual(p0, products[0], 1e-6);
        Assert.AreEqual(p500, products[500], 2e-5 * p500);
        Assert.AreEqual(p998, products[998], 2e-2 * p998); // What is left there of two almost equal roots in float32.
        Assert.AreEqual(0, products[999]);
    }

    [TestMethod]
    public void Samples_get_noise_and_velocities_as_in_diffusers()
    {
        var sample = SchedulerRuns.Floats(SchedulerRuns.File["x0"]);
        var noise = SchedulerRuns.Floats(SchedulerRuns.File["noise"]![0]);
        var cases = SchedulerRuns.File["add_noise"]!.AsArray();
        Assert.HasCount(15, cases);
        foreach (var expected in cases.Select(item => item!))
        {
            var (schedule, t) = (Create(expected["schedule"]!.GetValue<string>()), expected["t"]!.GetValue<int>());
            float[] noisy = new float[sample.Length], velocity = new float[sample.Length];
            schedule.AddNoise(sample, noise, t, noisy);
            schedule.Velocity(sample, noise, t, velocity);
            AssertClose(expected["noisy"]!, noisy);
            AssertClose(expected["velocity"]!, velocity);
        }
    }

    [TestMethod]
    public void Sums_of_noisy_samples_and_velocities()
    {
        var schedule = new NoiseSchedule(BetaSchedule.ScaledLinear, 0.00085, 0.012);
        foreach (var (t, noisySum, velocitySum) in new[] { (0, 394.5178, 372.8184), (100, 487.3775, 302.0045), (500, 527.8340, 278.9581), (999, 408.7850, 359.8430) })
        {
            float[] noisy = new float[ReferenceLoop.Length], velocity = new float[ReferenceLoop.Length];
            schedule.AddNoise(ReferenceLoop.Sample(), ReferenceLoop.Noise(), t, noisy);
            schedule.Velocity(ReferenceLoop.Sample(), ReferenceLoop.Noise(), t, velocity);
            Assert.AreEqual(noisySum, ReferenceLoop.Sum(noisy), 1e-5 * noisySum);
            Assert.AreEqual(velocitySum, ReferenceLoop.Sum(velocity), 1e-5 * velocitySum);
        }
    }

    [TestMethod]
    [DataRow(PredictionType.Epsilon)]
    [DataRow(PredictionType.Sample)]
    [DataRow(PredictionType.Velocity)]
    public void Targets_lead_back_to_sample_and_noise(PredictionType prediction)
    {
        var schedule = new NoiseSchedule();
        foreach (var t in (int[])[10, 300, 800])
        {
            var (alpha, sigma) = schedule.At(t);
            var (ofSample, ofNoise) = schedule.Target(prediction, t);
            const double sample = 0.7, noise = -1.3;
            double noisy = (alpha * sample) + (sigma * noise), output = (ofSample * sample) + (ofNoise * noise);
            var (cleanOfNoisy, cleanOfOutput) = prediction.Clean(alpha, sigma);
            var (noiseOfNoisy, noiseOfOutput) = prediction.Noise(alpha, sigma);
            Assert.AreEqual(sample, (cleanOfNoisy * noisy) + (cleanOfOutput * output), 1e-5);
            Assert.AreEqual(noise, (noiseOfNoisy * noisy) + (noiseOfOutput * output), 1e-5);
        }
    }

    [TestMethod]
    public void Directions_of_flow_matching_lead_back_to_sample_and_noise()
    {
        const double sample = 0.7, noise = -1.3, sigma = 0.3, noisy = ((1 - sigma) * sample) + (sigma * noise), output = noise - sample;
        var (cleanOfNoisy, cleanOfOutput) = PredictionType.Flow.Clean(1 - sigma, sigma);
        var (noiseOfNoisy, noiseOfOutput) = PredictionType.Flow.Noise(1 - sigma, sigma);
        Assert.AreEqual(sample, (cleanOfNoisy * noisy) + (cleanOfOutput * output), 1e-12);
        Assert.AreEqual(noise, (noiseOfNoisy * noisy) + (noiseOfOutput * output), 1e-12);
        Assert.AreEqual((-1f, 1f), new NoiseSchedule().Target(PredictionType.Flow, 5));
    }

    private static NoiseSchedule Create(string name) => name switch
    {
        "linear" => new NoiseSchedule(),
        "scaled_linear_sd" => new NoiseSchedule(BetaSchedule.ScaledLinear, 0.00085, 0.012),
        _ => new NoiseSchedule(BetaSchedule.SquaredCosine),
    };

    private static void AssertClose(JsonNode expected, float[] actual)
    {
        foreach (var (wanted, got) in SchedulerRuns.Floats(expected).Zip(actual))
        {
            Assert.AreEqual(wanted, got, 1e-6);
        }
    }
}
