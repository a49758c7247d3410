using CompressTool.Diffusion.Data.Shapes;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Loop;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.FeatureModel;

/// <summary>Images of the procedural set, half of them noisy and half of them blurred, with what the network should say of them.</summary>
internal sealed class DamagedShapes(ulong setSeed, int count, int batchSize) : IBatchSource
{
    private const int Side = 32, Pixels = Side * Side;
    private const float LargestNoise = 0.6f, LargestBlur = 1.5f;

    private readonly Tensor _images = new ShapeImages(setSeed).DrawAll(count);

    public IEnumerable<KeyValuePair<string, string>> Describe() => [new("set", $"{count} of {setSeed}"), new("batch", $"{batchSize}")];

    public Batch Read(ulong seed, long step, CancellationToken cancellationToken)
    {
        var images = new NativeArray(DataType.Float, batchSize, 3, Side, Side);
        var classes = new NativeArray(DataType.Float, batchSize, Network.Classes);
        var qualities = new NativeArray(DataType.Float, batchSize, Network.Qualities);
        classes.AsSpan<float>().Clear();
        var order = new EpochOrder(seed, count);
        var random = new RandomSource(seed, "damage");
        var pixels = new byte[3 * Pixels];
        for (var n = 0; n < batchSize; n++)
        {
            var item = order[(step * batchSize) + n];
            _images.Data.Read((long)item * pixels.Length, pixels);
            var image = images.AsSpan<float>().Slice(n * pixels.Length, pixels.Length);
            var quality = qualities.AsSpan<float>().Slice(n * Network.Qualities, Network.Qualities);
            for (var i = 0; i < pixels.Length; i++)
            {
                image[(i % 3 * Pixels) + (i / 3)] = (pixels[i] / 127.5f) - 1;
            }

            for (var channel = 0; channel < 3; channel++)
            {
                var sum = 0f;
                foreach (var value in image.Slice(channel * Pixels, Pixels))
                {
                    sum += value;
                }

                quality[2 + channel] = sum / Pixels;
            }

            classes.AsSpan<float>()[(n * Network.Classes) + ShapeImages.Label(item)] = 1;
            (quality[0], quality[1]) = Damage(image, random.Stream(step, n));
        }

        return new Batch(batchSize, new Dictionary<string, NativeArray> { ["images"] = images, ["classes"] = classes, ["qualities"] = qualities });
    }

    private static (float Noise, float Blur) Damage(Span<float> image, RandomStream random)
    {
        var blur = random.NextInt64(2) == 0 ? 0 : random.NextSingle();
        var noise = random.NextInt64(2) == 0 ? 0 : random.NextSingle();
        if (blur > 0)
        {
            Blur(image, blur * LargestBlur);
        }

        if (noise > 0)
        {
            var normal = new float[image.Length];
            random.FillNormal(normal);
            for (var i = 0; i < image.Length; i++)
            {
                image[i] += noise * LargestNoise * normal[i];
            }
        }

        return (noise, blur);
    }

    private static void Blur(Span<float> image, float deviation)
    {
        var weights = Enumerable.Range(-4, 9).Select(x => (float)Math.Exp(-x * x / (2.0 * deviation * deviation))).ToArray();
        var sum = weights.Sum();
        var copy = new float[image.Length];
        foreach (var step in (int[])[1, Side])
        {
            image.CopyTo(copy);
            for (var i = 0; i < image.Length; i++)
            {
                var (place, total) = (i / step % Side, 0f);
                for (var k = -4; k <= 4; k++)
                {
                    total += weights[k + 4] * copy[i + ((Math.Clamp(place + k, 0, Side - 1) - place) * step)];
                }

                image[i] = total / sum;
            }
        }
    }
}
