using CompressTool.Onnx;

namespace CompressTool.Testing.Models;

/// <summary>Tensors of random numbers that depend on a name only, so that all forms of a model have the same weights.</summary>
public static class RandomTensors
{
    /// <summary>Numbers of a normal distribution.</summary>
    public static Tensor Normal(string name, double mean, double deviation, params IReadOnlyList<long> dims)
    {
        var random = Generator(name);
        return Fill(dims, () => mean + (deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble())));
    }

    /// <summary>Numbers between two bounds.</summary>
    public static Tensor Uniform(string name, double from, double to, params IReadOnlyList<long> dims)
    {
        var random = Generator(name);
        return Fill(dims, () => from + ((to - from) * random.NextDouble()));
    }

    /// <summary>Integers from 0 on.</summary>
    public static Tensor Integers(string name, int end, params IReadOnlyList<long> dims)
    {
        var random = Generator(name);
        var numbers = new long[dims.Aggregate(1L, (a, b) => a * b)];
        for (var index = 0; index < numbers.Length; index++)
        {
            numbers[index] = random.Next(end);
        }

        return Tensor.Create<long>(DataType.Int64, dims, numbers);
    }

    private static Tensor Fill(IReadOnlyList<long> dims, Func<double> next)
    {
        var numbers = new float[dims.Aggregate(1L, (a, b) => a * b)];
        for (var index = 0; index < numbers.Length; index++)
        {
            numbers[index] = (float)next();
        }

        return Tensor.Floats(dims, numbers);
    }

    /// <summary>string.GetHashCode differs between processes; FNV-1a does not.</summary>
    private static Random Generator(string name)
    {
        var hash = 2166136261;
        foreach (var letter in name)
        {
            hash = (hash ^ letter) * 16777619;
        }

        return new Random((int)hash);
    }
}
