using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Tests.Optimization;

[TestClass]
public sealed class ParameterSetTests
{
    [TestMethod]
    public void Parameters_lie_on_cache_lines_of_one_block_in_the_given_order()
    {
        using var parameters = Toy.Parameters();

        var start = parameters.Values.Arrays[0].Pointer;
        long expected = 0;
        foreach (var ((name, dims), slot, array) in Toy.Shapes.Zip(parameters.Layout.Slots, parameters.Values.Arrays))
        {
            Assert.AreEqual(name, slot.Name);
            CollectionAssert.AreEqual(dims, array.Dims.ToArray());
            Assert.AreEqual(expected, slot.Offset);
            Assert.AreEqual(start + (slot.Offset * sizeof(float)), array.Pointer);
            Assert.AreEqual(0, array.Pointer % 64);
            expected += (slot.Count + 15) / 16 * 16;
        }

        Assert.AreEqual(expected, parameters.Layout.Length);
        Assert.AreEqual(Toy.Shapes.Sum(shape => shape.Dims.Aggregate(1L, (a, b) => a * b)), parameters.Layout.Count);
    }

    [TestMethod]
    public void Values_are_those_of_the_initializers_in_float32()
    {
        using var parameters = ParameterSet.Create(
        [
            new("half", Tensor.Create<Half>(DataType.Float16, [2], [(Half)0.5, (Half)(-3)])),
            new("double", Tensor.Create<double>(DataType.Double, [1], [0.1])),
            new("float", Tensor.Floats([2], 1.5f, 2)),
        ]);

        CollectionAssert.AreEqual(new[] { 0.5f, -3, 0.1f, 1.5f, 2 }, Toy.Flat(parameters.Values));
    }

    [TestMethod]
    public void Tensors_of_a_block_are_views_of_it()
    {
        using var parameters = Toy.Parameters();
        parameters.Values["seventeen"].AsSpan<float>()[16] = 42;

        var tensor = parameters.Values.ToTensor("seventeen");
        Assert.AreEqual(42, tensor.ToFloats()[16]);
        using var view = tensor.Data.View();
        parameters.Values["seventeen"].AsSpan<float>()[16] = 43;
        Assert.AreEqual(43, BitConverter.ToSingle(view.Slice(64, 4)));
        using var stream = new MemoryStream();
        tensor.Data.CopyTo(stream);
        CollectionAssert.AreEqual(parameters.Values["seventeen"].AsSpan<byte>().ToArray(), stream.ToArray());
    }

    [TestMethod]
    public void Swapping_exchanges_every_number()
    {
        using var a = Toy.Parameters(1);
        using var b = a.NewBlock();
        b.CopyFrom(a.Values);
        Toy.FillGradients(a, new System.Random(3));
        var (values, gradients) = (Toy.Bytes(a.Values), Toy.Bytes(a.Gradients));

        a.Gradients.Swap(b);

        CollectionAssert.AreEqual(values, Toy.Bytes(a.Gradients));
        CollectionAssert.AreEqual(gradients, Toy.Bytes(b));
    }

    [TestMethod]
    public void A_mask_clears_what_it_does_not_keep()
    {
        using var parameters = Toy.Parameters();
        var mask = new ParameterMask(17);
        mask[0] = mask[16] = false;
        var before = parameters.Values["seventeen"].AsSpan<float>().ToArray();

        parameters.SetMask("seventeen", mask);

        before[0] = before[16] = 0;
        CollectionAssert.AreEqual(before, parameters.Values["seventeen"].AsSpan<float>().ToArray());
        Assert.AreEqual(15, mask.Kept);
        Assert.AreSame(mask, parameters.GetMask("seventeen"));
        var again = ParameterMask.FromNonZeros(parameters.Values["seventeen"]);
        for (var i = 0; i < 17; i++)
        {
            Assert.AreEqual(mask[i], again[i], $"{i}");
        }
    }

    [TestMethod]
    public void Unsuitable_parameters_are_refused()
    {
        void Fails(string expected, Action act)
        {
            var error = Assert.ThrowsExactly<CompressToolException>(act);
            Assert.AreEqual(TrainingErrors.InvalidParameter, error.Code);
            StringAssert.Contains(error.Message, expected);
        }

        Fails("'index' is int64[1]", () => ParameterSet.Create([new("index", Tensor.Int64s(1))]));
        Fails("'w' is given twice", () => ParameterSet.Create([new("w", Tensor.Float(1)), new("w", Tensor.Float(2))]));
        using var parameters = Toy.Parameters();
        Fails("did you mean 'conv.weight'?", () => _ = parameters.Values["conv.wieght"]);
        Fails("a mask of 3 weights does not fit the parameter scalar: float32[]", () => parameters.SetMask("scalar", new ParameterMask(3)));
    }
}
