using CompressTool.Compression.Quantization.Calibration;
using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Tests.Quantization.Calibration;

/// <summary>Looking at values costs no memory: each can be forgotten when it has been looked at.</summary>
[TestClass]
public sealed class InstrumentedModelTests
{
    private const int Values = 24;
    private const int Elements = 1 << 18;

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Values_are_not_kept_until_the_end_of_the_run(bool backwards)
    {
        using var model = Chain();
        var before = model.ToBytes();
        var observer = new ObserveOperator(Values);
        Value[] values = [.. model.Graph.Nodes.Select(node => node.Outputs[0]!)];
        var order = (backwards ? values.Index().Reverse() : values.Index()).ToArray();

        long? peak;
        using (var function = InstrumentedModel.Compile(model, () => [.. order.Select(item => observer.Watch(item.Item, item.Index))], [observer], out var outputs, default))
        {
            function.Run(new Dictionary<string, NdArray> { ["x"] = NdArray.Create(new float[Elements], Elements) }, outputs);
            peak = function.PeakBytes;
        }

        // Two or three of them are there at once; all would be 24.
        Assert.IsLessThan(6L * Elements * sizeof(float), peak!.Value);
        Assert.IsTrue(observer.Statistics.All(statistics => statistics.Count == Elements));
        CollectionAssert.AreEqual(before, model.ToBytes());
    }

    private static Model Chain()
    {
        var model = new Model();
        model.OpsetImports[""] = 17;
        var type = new TensorType(DataType.Float, Shape.Of([Elements]));
        var value = new Value("x", type);
        model.Graph.AddInput(value);
        for (var index = 0; index < Values; index++)
        {
            value = model.Graph.AddNode(null, "Sin", $"y{index}", [value], type);
        }

        model.Graph.Outputs.Add(value);
        return model;
    }
}
