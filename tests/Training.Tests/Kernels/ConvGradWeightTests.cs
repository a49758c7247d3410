using CompressTool.Onnx.Diagnostics;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Kernels;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Kernels;

[TestClass]
public sealed class ConvGradWeightTests
{
    private static readonly SimdWidth[] s_widths = [.. Enum.GetValues<SimdWidth>().Where(width => width <= Simd.Best)];

    [TestMethod]
    public void Equals_the_double_sum_for_random_convolutions()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 120; trial++)
        {
            var group = random.Next(4) == 0 ? random.Next(2, 5) : 1;
            var c = new Case(random.Next(1, 5), group * random.Next(1, random.Next(2) == 0 ? 6 : 40), group * random.Next(1, 30), group,
                [random.Next(1, 5), random.Next(1, 5)], [random.Next(1, 3), random.Next(1, 4)], [random.Next(1, 3), random.Next(1, 3)],
                [random.Next(3), random.Next(3), random.Next(3), random.Next(3)], [random.Next(9, 14), random.Next(9, 19)]);
            Check(c, s_widths[trial % s_widths.Length], random);
        }
    }

    [TestMethod]
    [DataRow(2, 64, 48, 3, 1, 1, 32)]
    [DataRow(3, 80, 72, 3, 1, 1, 16)]
    [DataRow(9, 96, 64, 3, 1, 1, 4)]
    [DataRow(2, 32, 64, 3, 2, 0, 33)]
    [DataRow(2, 48, 32, 1, 1, 0, 16)]
    [DataRow(2, 128, 64, 1, 1, 0, 8)]
    [DataRow(2, 3, 64, 3, 1, 1, 32)]
    [DataRow(2, 64, 3, 3, 1, 1, 32)]
    [DataRow(2, 16, 16, 7, 1, 3, 20)]
    public void Equals_the_double_sum_for_usual_convolutions(int images, int channels, int filters, int kernel, int stride, int pad, int size)
    {
        foreach (var width in s_widths)
        {
            Check(new Case(images, channels, filters, 1, [kernel, kernel], [stride, stride], [1, 1], [pad, pad, pad, pad], [size, size]), width, new Random(2));
        }
    }

    [TestMethod]
    public void Works_in_one_dimension()
    {
        var random = new Random(3);
        Check(new Case(3, 20, 9, 1, [5], [2], [2], [3, 1], [30]), Simd.Best, random);
        Check(new Case(2, 4, 4, 4, [3], [1], [1], [1, 1], [17]), Simd.Best, random);
    }

    [TestMethod]
    public void Sums_images_in_portions_when_they_are_large()
    {
        // An image takes 200 kB packed.
        Check(new Case(7, 32, 8, 1, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1], [35, 36]), Simd.Best, new Random(4), 500_000);
    }

    [TestMethod]
    public void Long_sums_stay_exact()
    {
        Check(new Case(1, 4, 2, 1, [1, 1], [1, 1], [1, 1], [0, 0, 0, 0], [600, 800]), Simd.Best, new Random(7), tolerance: 2e-6);
    }

    [TestMethod]
    public void Gives_the_same_bits_on_any_number_of_threads_in_every_run()
    {
        var c = new Case(4, 48, 40, 1, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1], [16, 16]);
        var inputs = c.Inputs(new Random(5));
        byte[]? first = null;
        foreach (var threads in (int[])[1, 2, 3, 5])
        {
            using var function = OneNode.Compile(new ConvGradWeight(), inputs, c.Attributes, threads);
            for (var run = 0; run < 3; run++)
            {
                var bits = function.Run(OneNode.Feeds(inputs))["out0"].Data.ToArray();
                Assert.AreSequenceEqual(first ??= bits, bits);
            }
        }
    }

    [TestMethod]
    public void Wrong_sizes_and_attributes_are_errors_that_name_the_node()
    {
        var c = new Case(1, 2, 3, 1, [3, 3], [1, 1], [1, 1], [1, 1, 1, 1], [8, 8]);
        var random = new Random(6);
        NdArray[] wrong = [OneNode.Random(random, 1, 2, 8, 8), OneNode.Random(random, 1, 3, 8, 7)];

        var error = Assert.Throws<CompressToolException>(() => OneNode.Run(new ConvGradWeight(), wrong, c.Attributes));
        Assert.Contains("'the_node'", error.Message);
        Assert.Contains("dY [1,3,8,7] is not the output of this convolution", error.Message);

        error = Assert.Throws<CompressToolException>(() => OneNode.Run(new ConvGradWeight(), wrong, [Attribute.Ints("kernel_shape", 3, 3, 3)]));
        Assert.Contains("in 3 dimensions is not supported", error.Message);
        error = Assert.Throws<CompressToolException>(() => OneNode.Run(new ConvGradWeight(), wrong, []));
        Assert.Contains("'kernel_shape' is missing", error.Message);
    }

    private static void Check(Case c, SimdWidth width, Random random, long maxPackedBytes = 48 << 20, double tolerance = 1e-5)
    {
        var inputs = c.Inputs(random);
        var actual = OneNode.Run(new ConvGradWeight(width, maxPackedBytes), inputs, c.Attributes)[0];
        Assert.AreSequenceEqual([c.Filters, c.Channels / c.Group, .. c.Kernel.Select(size => (long)size)], actual.Dims, c.ToString());
        OneNode.AssertClose(c.Expected(inputs[0], inputs[1]), actual, tolerance, $"{c} {width}");
    }

    private sealed record Case(int Images, int Channels, int Filters, int Group, int[] Kernel, int[] Strides, int[] Dilations, int[] Pads, int[] Size)
    {
        public Attribute[] Attributes =>
        [
            Attribute.Ints("kernel_shape", Long(Kernel)), Attribute.Ints("strides", Long(Strides)), Attribute.Ints("dilations", Long(Dilations)),
            Attribute.Ints("pads", Long(Pads)), Attribute.Int("group", Group),
        ];

        private int Rank => Kernel.Length;

        private int[] Output => [.. Size.Select((size, axis) => ((size + Pads[axis] + Pads[axis + Rank] - ((Kernel[axis] - 1) * Dilations[axis]) - 1) / Strides[axis]) + 1)];

        public NdArray[] Inputs(Random random) =>
            [OneNode.Random(random, [Images, Channels, .. Long(Size)]), OneNode.Random(random, [Images, Filters, .. Long(Output)])];

        public double[] Expected(NdArray x, NdArray dy)
        {
            int Row(int[] values, int missing) => Rank == 1 ? missing : values[0];
            var (rows, columns, outRows, outColumns) = (Row(Size, 1), Size[^1], Row(Output, 1), Output[^1]);
            var (kernelRows, kernelColumns) = (Row(Kernel, 1), Kernel[^1]);
            var (top, left) = Rank == 1 ? (0, Pads[0]) : (Pads[0], Pads[1]);
            var (groupChannels, groupFilters) = (Channels / Group, Filters / Group);
            var result = new double[Filters * groupChannels * kernelRows * kernelColumns];
            Parallel.For(0, Filters, filter =>
            {
                ReadOnlySpan<float> xs = x.AsSpan<float>(), dys = dy.AsSpan<float>();
                for (var channel = 0; channel < groupChannels; channel++)
                {
                    for (var place = 0; place < kernelRows * kernelColumns; place++)
                    {
                        double sum = 0;
                        for (var image = 0; image < Images; image++)
                        {
                            var plane = xs.Slice(((image * Channels) + (filter / groupFilters * groupChannels) + channel) * rows * columns, rows * columns);
                            var gradient = dys.Slice(((image * Filters) + filter) * outRows * outColumns, outRows * outColumns);
                            for (var r = 0; r < outRows; r++)
                            {
                                var row = (r * Row(Strides, 1)) + (place / kernelColumns * Row(Dilations, 1)) - top;
                                for (var s = 0; s < outColumns && row >= 0 && row < rows; s++)
                                {
                                    var column = (s * Strides[^1]) + (place % kernelColumns * Dilations[^1]) - left;
                                    sum += column >= 0 && column < columns ? (double)gradient[(r * outColumns) + s] * plane[(row * columns) + column] : 0;
                                }
                            }
                        }

                        result[(((filter * groupChannels) + channel) * kernelRows * kernelColumns) + place] = sum;
                    }
                }
            });
            return result;
        }

        public override string ToString() =>
            $"N{Images} C{Channels} O{Filters} g{Group} k{string.Join('x', Kernel)} s{string.Join(',', Strides)} d{string.Join(',', Dilations)} p{string.Join(',', Pads)} {string.Join('x', Size)}";

        private static long[] Long(int[] values) => [.. values.Select(value => (long)value)];
    }
}
