using System.Runtime.InteropServices;
using CompressTool.Onnx;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Diffusion.Import.Weights;

/// <summary>
/// Parameters before training, initialised as PyTorch does (other numbers of the same distribution). A parameter depends on the seed
/// and its name alone; it is computed when it is read.
/// </summary>
/// <param name="seed">The seed.</param>
internal sealed class FreshWeights(long seed) : IWeightSource
{
    /// <inheritdoc/>
    public Tensor Get(string name, IReadOnlyList<long> dims, Initialization initialization)
    {
        if (initialization is Initialization.Given(var numbers))
        {
            return numbers;
        }

        var length = DataType.Float.ByteSize(dims.Aggregate(1L, (count, dim) => count * dim));
        return new Tensor(DataType.Float, dims, new ComputedData(length, bytes => Fill(name, MemoryMarshal.Cast<byte, float>(bytes), initialization)));
    }

    /// <inheritdoc/>
    public void Complete(Predicate<string> ignored)
    {
    }

    private void Fill(string name, Span<float> numbers, Initialization initialization)
    {
        var stream = new RandomSource(unchecked((ulong)seed), "initial " + name).Stream();
        switch (initialization)
        {
            case Initialization.Constant(var value):
                numbers.Fill(value);
                break;
            case Initialization.Uniform(var bound):
                stream.FillUniform(numbers);
                foreach (ref var number in numbers)
                {
                    number = (float)(((2.0 * number) - 1) * bound);
                }

                break;
            case Initialization.Normal(var deviation):
                stream.FillNormal(numbers);
                foreach (ref var number in numbers)
                {
                    number = (float)(number * deviation);
                }

                break;
            default:
                throw new ArgumentException($"No initialization {initialization}.", nameof(initialization));
        }
    }
}
