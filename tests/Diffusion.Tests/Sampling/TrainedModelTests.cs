using CompressTool.Diffusion.RandomNumbers;
using CompressTool.Diffusion.Samplers;
using CompressTool.Diffusion.Sampling;
using CompressTool.Diffusion.Schedules;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Tests.Sampling;

/// <summary>A trained model, sampled with diffusers and here.</summary>
[TestClass]
public sealed class TrainedModelTests
{
    [TestMethod]
    [DataRow(10, 4)]
    [DataRow(50, 3)]
    public void Images_are_those_of_diffusers(int steps, int batch)
    {
        if (Repository.Oracle("fashion-ddpm") is not { } folder)
        {
            Assert.Inconclusive("The oracles are not here.");
            return;
        }

        using var denoiser = new Denoiser(new OnnxRuntimeEngine().Compile(Path.Combine(folder, "model_op17.onnx")));
        var config = SchedulerConfig.Load(Path.Combine(folder, "scheduler", "scheduler_config.json"));
        var sampler = SamplerFactory.Create(config.With("DDIMScheduler"), new SamplerSettings { Steps = steps });
        var expected = Read($"ddim{steps}_x0");

        using var samples = new SamplingLoop(denoiser, sampler).Run(new SamplingOptions { Count = 4, Batch = batch, Start = Read("ddim_xT") }, new TorchGenerator(0));

        Assert.AreSequenceEqual(expected.Dims, samples.Dims);
        var pairs = expected.AsSpan<float>().ToArray().Zip(samples.AsSpan<float>().ToArray());
        Assert.IsLessThan(1e-4, pairs.Max(pair => Math.Abs((double)pair.First - pair.Second)));

        NdArray Read(string name) => NdArray.From(NpyFile.Read(Path.Combine(folder, "io", name + ".npy")));
    }
}
