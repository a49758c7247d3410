using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Runtime.Tests.Support;

/// <summary>Real models with inputs and the outputs that PyTorch computes.</summary>
internal static class Reference
{
    public static readonly string UNet = Repository.Fixture("unet2d", "model_op17_dynbatch.onnx");

    /// <summary>The inputs and output of a fixture folder such as <c>unet2d/io</c>; inputs as tensors over managed memory.</summary>
    public static (Dictionary<string, OrtValue> Inputs, float[] Output, long[] OutputShape) Load(string folder, params string[] inputs)
    {
        var values = inputs.ToDictionary(name => name, name =>
        {
            var tensor = Read(name);
            return OrtValue.CreateTensorValueFromMemory(tensor.Type, tensor.Data, [.. tensor.Dims]);
        });
        var output = Read("out_sample");
        return (values, output.AsSpan<float>().ToArray(), [.. output.Dims]);

        NdArray Read(string name) => Array($"{folder}/{name}.npy");
    }

    /// <summary>A .npy file of the fixtures.</summary>
    public static NdArray Array(string path) => NdArray.From(NpyFile.Read(Repository.Fixture(path)));

    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance = 1e-4f)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        var worst = 0f;
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.IsFalse(float.IsNaN(actual[i]));
            worst = Math.Max(worst, Math.Abs(expected[i] - actual[i]));
        }

        Assert.IsLessThan(tolerance, worst);
    }

    public static void DisposeAll(this IEnumerable<KeyValuePair<string, OrtValue>> values)
    {
        foreach (var (_, value) in values)
        {
            value.Dispose();
        }
    }
}
