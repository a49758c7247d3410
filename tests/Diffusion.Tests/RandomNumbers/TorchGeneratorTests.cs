using CompressTool.Diffusion.RandomNumbers;

namespace CompressTool.Diffusion.Tests.RandomNumbers;

/// <summary>All expected numbers are those of PyTorch 1.13.1 on a CPU.</summary>
[TestClass]
public sealed class TorchGeneratorTests
{
    /// <summary>PyTorch's vector code for logarithm and sine is a few units in the last place off.</summary>
    private const float Tolerance = 1e-6f;

    [TestMethod]
    public void Words_are_those_of_the_mersenne_twister()
    {
        var generator = new TorchGenerator(0);
        Assert.AreSequenceEqual([2357136044u, 2546248239, 3071714933, 3626093760], Enumerable.Range(0, 4).Select(_ => generator.NextUInt32()));

        // The standard's check value: the 10000th number of the seed 5489.
        var standard = new MersenneTwister(5489);
        var last = 0u;
        for (var i = 0; i < 10000; i++)
        {
            last = standard.Next();
        }

        Assert.AreEqual(4123659995u, last);
    }

    [TestMethod]
    [DataRow(0, new[] { 0.49625658988952637f, 0.7682217955589294f, 0.08847743272781372f, 0.13203048706054688f })]
    [DataRow(1, new[] { 0.7576315999031067f, 0.2793108820915222f, 0.40306925773620605f, 0.7346844673156738f })]
    [DataRow(42, new[] { 0.8822692632675171f, 0.9150039553642273f, 0.38286375999450684f, 0.9593056440353394f })]
    [DataRow((1L << 31) + 5, new[] { 0.8627038598060608f, 0.9956874251365662f, 0.14650017023086548f, 0.7144842743873596f })]
    [DataRow((1L << 40) + 3, new[] { 0.004263520240783691f, 0.10556936264038086f, 0.2858424782752991f, 0.026954829692840576f })]
    [DataRow(-1, new[] { 0.9937993884086609f, 0.5713063478469849f, 0.5700080394744873f, 0.04950374364852905f })]
    public void Uniform_numbers_are_the_same_bits(long seed, float[] expected)
    {
        var numbers = new float[4];
        new TorchGenerator(seed).FillUniform(numbers);
        Assert.AreSequenceEqual(expected, numbers);
    }

    [TestMethod]
    public void Uniform_doubles_are_the_same_bits()
    {
        var generator = new TorchGenerator(3);
        Assert.AreSequenceEqual([0.03410819565052048, 0.28674022672130695, 0.7729149443285843], Enumerable.Range(0, 3).Select(_ => generator.NextDouble()));
    }

    [TestMethod]
    public void Many_normal_numbers_are_made_in_blocks()
    {
        var generator = new TorchGenerator(0);
        float[] first = Normal(generator, 768), second = Normal(generator, 768);

        AssertClose([-1.1258398294448853f, -1.152360200881958f, -0.2505785822868347f, -0.4338788092136383f, 0.8487103581428528f, 0.6920091509819031f, -0.31601276993751526f, -2.1152193546295166f], first[..8]);
        AssertClose([-0.7386032938957214f, 1.6552757024765015f, 0.5203717947006226f, -0.23261602222919464f], first[^4..]);
        Assert.AreEqual(622.9524622093304, first.Sum(number => Math.Abs((double)number)), 1e-4);
        AssertClose([0.4974166452884674f, 0.2685222327709198f, 1.4768786430358887f, 0.35479506850242615f], second[..4]);
    }

    [TestMethod]
    [DataRow(16, new[] { -0.8201345205307007f, 0.39563116431236267f }, new[] { 1.0127553939819336f, 0.23039686679840088f, 1.090165138244629f }, 0.720380425453186f)]
    [DataRow(17, new[] { -0.8201345205307007f, -0.32456663250923157f }, new[] { -1.3233457803726196f, -1.3597689867019653f, -0.866701602935791f }, 0.5690726637840271f)]
    [DataRow(20, new[] { -0.8201345205307007f, 0.39563116431236267f, 0.8989084959030151f, -1.3884038925170898f, 0.19844505190849304f }, new[] { -0.5640066862106323f, -2.056462526321411f, -0.35672253370285034f }, 0.38874197006225586f)]
    [DataRow(31, new[] { -0.8201345205307007f, 0.39563116431236267f }, new[] { -0.2615867257118225f, -0.25013262033462524f, 0.501121461391449f }, 0.43545758724212646f)]
    [DataRow(33, new[] { -0.8201345205307007f, 0.39563116431236267f }, new[] { 0.501121461391449f, 0.2600362002849579f, -1.6370213031768799f }, 0.03311049938201904f)]
    [DataRow(48, new[] { -0.8201345205307007f, 0.39563116431236267f }, new[] { 0.501121461391449f, 0.2600362002849579f }, 0.7368624210357666f)]
    public void End_that_fills_no_block_is_drawn_again(int count, float[] start, float[] end, float nextUniform)
    {
        var generator = new TorchGenerator(7);
        var numbers = Normal(generator, count);

        AssertClose(start, numbers[..start.Length]);
        AssertClose(end, numbers[^end.Length..]);
        Assert.AreEqual(nextUniform, generator.NextSingle());
    }

    [TestMethod]
    [DataRow(0, new[] { 1.5409960746765137f, -0.293428897857666f, -2.1787893772125244f, 0.5684312582015991f, -1.0845223665237427f })]
    [DataRow(42, new[] { 0.33669036626815796f, 0.12880940735340118f, 0.23446236550807953f, 0.23033303022384644f, -1.1228563785552979f })]
    [DataRow((1L << 40) + 3, new[] { 0.8032760620117188f, 0.17483338713645935f, 0.08897809684276581f, -0.6137180328369141f, 0.04618244990706444f })]
    public void Few_normal_numbers_are_made_in_pairs(long seed, float[] expected) => AssertClose(expected, Normal(new TorchGenerator(seed), expected.Length));

    [TestMethod]
    public void Second_number_of_a_pair_is_kept_for_the_next_short_fill()
    {
        var generator = new TorchGenerator(0);
        Normal(generator, 5);
        AssertClose([-1.3985954523086548f, 0.40334683656692505f, 0.8380263447761536f], Normal(generator, 3));
        Assert.AreEqual(0.6976675987243652f, generator.NextSingle());
        Assert.AreEqual(0.800011396408081f, generator.NextSingle());

        generator = new TorchGenerator(0);
        Normal(generator, 5);
        AssertClose([-0.08853142708539963f, 0.5238832831382751f, -0.6658713221549988f], Normal(generator, 16)[..3]);
        AssertClose([-1.3985954523086548f], Normal(generator, 1));
        AssertClose([-1.0711873769760132f], Normal(generator, 1));
    }

    [TestMethod]
    public void Normal_doubles_are_those_of_float64()
    {
        var few = new double[3];
        var generator = new TorchGenerator(3);
        generator.FillNormal(few);
        AssertClose([0.8032760780963506, 0.17483339327910355, 0.08897809502587893], few);
        Assert.AreEqual(0.7553698716458989, generator.NextDouble());

        var many = new double[20];
        generator = new TorchGenerator(3);
        generator.FillNormal(many);
        AssertClose([-0.21774879177876416, 0.1466771298110492, 0.6690811213485476, -0.5141241139283437, -1.3464356890265727, -0.2841692588173489], many[..6]);
        AssertClose([0.20366863384122577, 0.028752867895017985, 0.24243710319485537, 0.7841722963522199, -0.9984183369540185], many[^5..]);
        Assert.AreEqual(0.2731899619102478f, generator.NextSingle());
    }

    private static float[] Normal(TorchGenerator generator, int count)
    {
        var numbers = new float[count];
        generator.FillNormal(numbers);
        return numbers;
    }

    private static void AssertClose(float[] expected, float[] actual) =>
        Assert.IsTrue(expected.Length == actual.Length && expected.Zip(actual).All(pair => Math.Abs(pair.First - pair.Second) <= Tolerance), $"expected {string.Join(", ", expected)} but got {string.Join(", ", actual)}");

    private static void AssertClose(double[] expected, double[] actual) =>
        Assert.IsTrue(expected.Length == actual.Length && expected.Zip(actual).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-14), $"expected {string.Join(", ", expected)} but got {string.Join(", ", actual)}");
}
