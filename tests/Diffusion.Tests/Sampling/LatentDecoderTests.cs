using System.Text.Json.Nodes;
using CompressTool.Diffusion.Sampling;
using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;

namespace CompressTool.Diffusion.Tests.Sampling;

[TestClass]
public sealed class LatentDecoderTests
{
    [TestMethod]
    public void Images_are_those_of_the_autoencoder()
    {
        var latent = NdArray.From(NpyFile.Read(Repository.Fixture("autoencoder-kl", "io", "latent.npy")));
        var expected = NdArray.From(NpyFile.Read(Repository.Fixture("autoencoder-kl", "io", "out_sample.npy")));
        var scaling = new LatentScaling(0.5, 0.25);
        using var decoder = new LatentDecoder(new OnnxRuntimeEngine().Compile(Repository.Fixture("autoencoder-kl", "decoder_op17.onnx")), scaling);

        // Three latents, which do not fill the model's batches of two.
        using var latents = new NativeArray(DataType.Float, [3, .. latent.Dims.Skip(1)]);
        var source = latent.AsSpan<float>().ToArray();
        var span = latents.AsSpan<float>();
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = (source[i % source.Length] - 0.25f) * 0.5f;
        }

        var done = new List<int>();
        var images = decoder.Decode(latents, done.Add);

        Assert.AreEqual(latent.Dims[1], decoder.Channels);
        Assert.AreSequenceEqual([2, 3], done);
        Assert.AreSequenceEqual([3L, 3, 32, 32], images.Dims);
        var (wanted, got) = (expected.AsSpan<float>().ToArray(), images.AsSpan<float>().ToArray());
        for (var i = 0; i < got.Length; i++)
        {
            Assert.AreEqual(wanted[i % wanted.Length], got[i], 1e-4f);
        }
    }

    [TestMethod]
    public void Scaling_comes_from_the_configuration()
    {
        Assert.AreEqual(new LatentScaling(1.5305, 0.0609), LatentScaling.From(JsonNode.Parse("""{ "scaling_factor": 1.5305, "shift_factor": 0.0609 }""")!.AsObject()));
        Assert.AreEqual(new LatentScaling(0.18215, 0), LatentScaling.From(JsonNode.Parse("""{ "shift_factor": null }""")!.AsObject()));
        Assert.AreEqual(new LatentScaling(0.18215, 0), LatentScaling.From(null));
    }

    [TestMethod]
    public void Other_models_are_refused()
    {
        var error = Assert.ThrowsExactly<CompressToolException>(() => new LatentDecoder(new OnnxRuntimeEngine().Compile(Repository.Fixture("unet2d", "model_op17_dynbatch.onnx")), new LatentScaling()));
        Assert.AreSame(DiffusionErrors.UnsuitableDenoiser, error.Code);
    }
}
