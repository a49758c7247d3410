using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Schedules;

namespace CompressTool.Diffusion.Tests.Samplers;

/// <summary>The loop that diffusers' own tests run: a sample of four counted-up images, and a model that is x t / (t + 1).</summary>
internal static class ReferenceLoop
{
    public const int Items = 4, ItemLength = 3 * 8 * 8, Length = Items * ItemLength;

    /// <summary>Counted up with the images as the fastest dimension.</summary>
    public static float[] Sample() => Counted(Items, ItemLength);

    /// <summary>Counted down.</summary>
    public static float[] Noise() => Array.ConvertAll(Sample(), value => ((Length - 1f) / Length) - value);

    public static float[] Counted(int items, int itemLength) =>
        [.. Enumerable.Range(0, items * itemLength).Select(i => (((i % itemLength) * items) + (i / itemLength)) / (float)(items * itemLength))];

    /// <summary>The samples after every step, from the start on.</summary>
    /// <param name="className">The class of the scheduler.</param>
    /// <param name="config">Its keys, in JSON without braces.</param>
    /// <param name="steps">The number of steps.</param>
    /// <param name="noise">Where noise comes from; null for PyTorch's, seed 0.</param>
    /// <param name="scaledIsKept">Whether the sample stays scaled as the model has seen it, as these tests do, but pipelines do not.</param>
    /// <param name="firstStep">The step to start at, from the sample with noise.</param>
    public static List<float[]> Run(string className, string config, int steps, INoiseSource? noise = null, bool scaledIsKept = false, int firstStep = 0)
    {
        var sampler = SamplerFactory.Create(Config(className, config), new SamplerSettings { Steps = steps });
        return Run(sampler, Items, noise, scaledIsKept, firstStep);
    }

    /// <inheritdoc cref="Run(string, string, int, INoiseSource?, bool, int)"/>
    public static List<float[]> Run(Sampler sampler, int items = Items, INoiseSource? noise = null, bool scaledIsKept = false, int firstStep = 0, int itemLength = ItemLength)
    {
        var sample = Start(sampler, items, itemLength, firstStep);
        sampler.Begin(items, itemLength, noise ?? new TorchGenerator(0), firstStep);
        var samples = new List<float[]>();
        while (sampler.Position < sampler.Timesteps.Count)
        {
            var t = sampler.Timesteps[sampler.Position];
            var input = Array.ConvertAll(sample, value => value * sampler.InputScale);
            sample = scaledIsKept ? input : sample;
            sampler.Step(Array.ConvertAll(input, value => value * t / (t + 1)), sample);
            samples.Add([.. sample]);
        }

        return samples;
    }

    public static SchedulerConfig Config(string className, string config = "") =>
        SchedulerConfig.Parse($$"""{ "_class_name": "{{className}}"{{(config.Length == 0 ? "" : ", ")}}{{config}} }""", "test");

    public static double Sum(float[] sample) => sample.Sum(value => Math.Abs((double)value));

    private static float[] Start(Sampler sampler, int items, int itemLength, int firstStep)
    {
        var sample = Counted(items, itemLength);
        if (firstStep == 0)
        {
            return Array.ConvertAll(sample, value => value * sampler.InitialNoiseScale);
        }

        // Samples without scale are scaled first there, even where they do not start from noise.
        var scale = sampler.InitialNoiseScale;
        var (ofSample, ofNoise) = sampler.MixAt(firstStep);
        return Array.ConvertAll(sample, value => (ofSample * scale * value) + (ofNoise * (((sample.Length - 1f) / sample.Length) - value)));
    }

    /// <summary>Noise that is zero.</summary>
    public sealed class Silence : INoiseSource
    {
        public void FillNormal(Span<float> destination) => destination.Clear();
    }
}
