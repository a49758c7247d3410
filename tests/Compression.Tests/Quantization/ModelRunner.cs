using CompressTool.Onnx;
using CompressTool.Runtime;

namespace CompressTool.Compression.Tests.Quantization;

/// <summary>Runs models in ONNX Runtime on given tensors.</summary>
internal static class ModelRunner
{
    /// <summary>Runs a model held in memory; inputs and outputs by name.</summary>
    public static Dictionary<string, Tensor> Run(byte[] model, IReadOnlyDictionary<string, Tensor> inputs, GraphOptimizationLevel level = GraphOptimizationLevel.All)
    {
        using var options = new SessionOptions { IntraOpNumThreads = 1, GraphOptimizationLevel = level };
        using var session = new InferenceSession(model, options);
        var values = inputs.Where(input => session.InputNames.Contains(input.Key)).ToDictionary(input => input.Key, input => ToValue(input.Value));
        using var outputs = session.Run(values);
        foreach (var value in values.Values)
        {
            value.Dispose();
        }

        return session.OutputNames.Index().ToDictionary(name => name.Item, name => ToTensor(outputs[name.Index]));
    }

    /// <summary>A float32 tensor in float16 where a model wants that.</summary>
    public static Tensor Convert(Tensor tensor, DataType type) => tensor.Type == DataType.Float && type == DataType.Float16
        ? Tensor.Create<Half>(type, tensor.Dims, Array.ConvertAll(tensor.ToFloats(), x => (Half)x)) : tensor;

    /// <summary>Signal-to-noise ratio of an output in dB, against a reference.</summary>
    public static double SnrDb(Tensor reference, Tensor actual)
    {
        CollectionAssert.AreEqual(reference.Dims.ToArray(), actual.Dims.ToArray());
        double signal = 0, noise = 0;
        foreach (var (x, y) in reference.ToFloats().Zip(actual.ToFloats()))
        {
            signal += (double)x * x;
            noise += ((double)x - y) * ((double)x - y);
        }

        return noise == 0 ? double.PositiveInfinity : 10 * Math.Log10(signal / noise);
    }

    private static OrtValue ToValue(Tensor tensor)
    {
        var bytes = new byte[tensor.ByteLength];
        tensor.Data.Read(0, bytes);
        return OrtValue.CreateTensorValueFromMemory(tensor.Type, bytes, [.. tensor.Dims]);
    }

    private static unsafe Tensor ToTensor(OrtValue value)
    {
        var bytes = new ReadOnlySpan<byte>((void*)value.DataPointer, checked((int)value.ByteLength)).ToArray();
        return new Tensor(value.ElementType, [.. value.Shape], new MemoryData(bytes));
    }
}
