using CompressTool.Compression.Options;
using CompressTool.Compression.Pruning;
using CompressTool.Compression.Stages;
using CompressTool.Onnx;
using static CompressTool.Compression.Tests.Pruning.PruneRunner;

namespace CompressTool.Compression.Tests.Pruning;

[TestClass]
public sealed class PruneStageTests
{
    [TestMethod]
    public void Stage_is_registered() => Assert.IsInstanceOfType<PruneStage>(StageRegistry.Find("prune"));

    [TestMethod]
    public void Contradictions_are_reported_at_their_option()
    {
        var target = new PruneTarget { Sparsity = new Fraction(0.5) };

        Assert.AreEqual("", Errors(new() { Structure = PruneStructure.Weights, Target = target }));
        Assert.AreEqual("", Errors(new() { Structure = PruneStructure.NM, Pattern = PrunePattern.TwoOfFour }));
        Assert.AreEqual("|", Errors(new() { Structure = PruneStructure.Weights }));
        Assert.AreEqual("pattern|", Errors(new() { Structure = PruneStructure.Weights, Target = target, Pattern = PrunePattern.TwoOfFour }));
        Assert.AreEqual("target.sparsity|", Errors(new() { Target = new PruneTarget { Sparsity = new Fraction(0) } }));
        Assert.AreEqual("target.sparsity|", Errors(new() { Target = new PruneTarget { Sparsity = new Fraction(1) } }));
        Assert.AreEqual("|", Errors(new() { Structure = PruneStructure.NM }));
        Assert.AreEqual("target|scope|", Errors(new() { Structure = PruneStructure.NM, Pattern = PrunePattern.TwoOfFour, Target = target, Scope = PruneScope.Global }));
    }

    [TestMethod]
    public void Same_input_gives_the_same_bytes()
    {
        var numbers = Numbers(new Random(1), 700_000);
        byte[] Bytes(PruneOptions options)
        {
            using var model = ModelOf(Make(DataType.Float, [700, 1000], numbers), Make(DataType.Float16, [1000, 700], numbers));
            Run(model, options);
            return model.ToBytes();
        }

        foreach (var options in new[] { Weights(0.4), Weights(0.4, PruneScope.Global), NM(PrunePattern.TwoOfFour) })
        {
            Assert.IsTrue(Bytes(options).AsSpan().SequenceEqual(Bytes(options)));
        }
    }

    [TestMethod]
    [DataRow(PruneStructure.Weights, PruneScope.Local, 2)]
    [DataRow(PruneStructure.NM, PruneScope.Local, 2)]
    [DataRow(PruneStructure.Weights, PruneScope.Global, 3)]
    public void Weights_are_read_few_times_and_never_held(PruneStructure structure, PruneScope scope, int reads)
    {
        var data = Enumerable.Range(0, 3).Select(seed => new CountingData(Make(DataType.Float, [1000, 1000], Numbers(new Random(seed), 1_000_000)).Data)).ToList();
        using var model = ModelOf(data.Select(source => new Tensor(DataType.Float, [1000, 1000], source)));
        var options = structure == PruneStructure.NM ? NM(PrunePattern.TwoOfFour) : Weights(0.5, scope);

        Run(model, options);
        using (var folder = new TempFolder())
        {
            model.Save(folder.File("model.onnx"));
        }

        // The layer in which global ties end is looked at once more, as far as the last of them.
        Assert.IsLessThanOrEqualTo(reads * 3 * 4_000_000L + (scope == PruneScope.Global ? 4_000_000 : 0), data.Sum(source => source.BytesRead));
        Assert.IsGreaterThanOrEqualTo(2 * 3 * 4_000_000L, data.Sum(source => source.BytesRead));
        Assert.IsTrue(scope == PruneScope.Local || data.All(source => source.Views == 0));
    }

    [TestMethod]
    public void Pruned_weights_can_be_read_from_anywhere()
    {
        foreach (var options in new[] { Weights(0.4), NM(PrunePattern.FourOfEight) })
        {
            using var model = ConvModel(Make(DataType.Float, [16, 16, 3, 3], Numbers(new Random(4), 16 * 16 * 9)));
            Run(model, options);
            var data = Layers.Find(model.Graph)[0].Tensor.Data;
            var whole = new byte[data.Length];
            data.Read(0, whole);
            using (var view = data.View())
            {
                CollectionAssert.AreEqual(whole, view.Span.ToArray());
            }

            var random = new Random(8);
            for (var repeat = 0; repeat < 200; repeat++)
            {
                var offset = random.Next((int)data.Length);
                var part = new byte[random.Next((int)data.Length - offset)];
                data.Read(offset, part);
                CollectionAssert.AreEqual(whole.AsSpan(offset, part.Length).ToArray(), part);
            }
        }
    }

    [TestMethod]
    public void Everything_but_the_layers_survives()
    {
        var builder = new GraphBuilder();
        var bias = builder.Weight("bias", Tensor.Floats([2], 1e-9f, 1));
        builder.Graph.Outputs.Add(builder.Add("Add", "add", [builder.MatMul("m", builder.Weight("m.weight", Tensor.Floats([2, 2], 1, 2, 3, 4))), bias]));

        Run(builder.Model, Weights(0.5));

        using var saved = Onnx.Model.Parse(builder.Model.ToBytes());
        CollectionAssert.AreEqual(new[] { 1e-9f, 1 }, saved.Graph.FindValue("bias")!.Initializer!.ToFloats());
        CollectionAssert.AreEqual(new float[] { 0, 0, 3, 4 }, saved.Graph.FindValue("m.weight")!.Initializer!.ToFloats());
        Assert.HasCount(2, saved.Graph.Nodes);
    }

    private static string Errors(PruneOptions options)
    {
        var errors = new OptionErrors();
        ((IStage)new PruneStage()).Validate(options, errors);
        Assert.IsTrue(errors.Items.All(item => item.Message.Length > 20));
        return string.Concat(errors.Items.Select(item => item.Path + "|"));
    }

    private sealed class CountingData(TensorData inner) : TensorData
    {
        private long _bytes;

        public long BytesRead => Interlocked.Read(ref _bytes);

        public int Views { get; private set; }

        public override long Length => inner.Length;

        public override void Read(long offset, Span<byte> destination)
        {
            Interlocked.Add(ref _bytes, destination.Length);
            inner.Read(offset, destination);
        }

        public override TensorView View()
        {
            Views++;
            Interlocked.Add(ref _bytes, Length);
            return inner.View();
        }
    }
}
