using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Tests.Differentiation;

/// <summary>Gradients in float32 of models with weights of 16 bits.</summary>
[TestClass]
public sealed class PrecisionTests
{
    private const int Batch = 6, Inputs = 8, Hidden = 16;

    [TestMethod]
    [DataRow(DataType.Float16, false, TrainingPrecision.Float32, 1e-6)]
    [DataRow(DataType.Float16, false, TrainingPrecision.Mixed, 5e-4)]
    [DataRow(DataType.BFloat16, false, TrainingPrecision.Float32, 1e-6)]
    [DataRow(DataType.BFloat16, false, TrainingPrecision.Mixed, 4e-3)]
    [DataRow(DataType.Float16, true, TrainingPrecision.Float32, 1e-6)]
    [DataRow(DataType.Float16, true, TrainingPrecision.Mixed, 5e-3)]
    public void Gradients_are_those_of_the_float32_model(DataType type, bool computesNarrow, TrainingPrecision precision, double tolerance)
    {
        var expected = Gradients(DataType.Float, false, TrainingPrecision.AsModel, type);
        var actual = Gradients(type, computesNarrow, precision, type);
        foreach (var (name, gradient) in expected)
        {
            Assert.AreEqual(DataType.Float, actual[name].Type, name);
            Assert.IsLessThan(tolerance, ReferenceModel.Difference(actual[name].AsSpan<float>(), gradient.AsSpan<float>()).Relative, name);
        }
    }

    [TestMethod]
    public void A_scale_saves_gradients_that_vanish_in_float16()
    {
        // Gradients of about 1e-9, less than the smallest number of float16, through which they pass on their way to the weights.
        // (What a model computes in float16 does not show it here: the runtime computes it in float32 on the CPU.)
        const double small = 1e-8, scale = 1 << 20;
        var expected = Gradients(DataType.Float, false, TrainingPrecision.AsModel, DataType.Float16, small);
        var lost = Gradients(DataType.Float16, false, TrainingPrecision.Mixed, DataType.Float16, small);
        var scaled = Gradients(DataType.Float16, false, TrainingPrecision.Mixed, DataType.Float16, small, scale);
        foreach (var (name, gradient) in expected)
        {
            Assert.IsGreaterThan(0.2, ReferenceModel.Difference(lost[name].AsSpan<float>(), gradient.AsSpan<float>()).Relative, name);
            var restored = scaled[name].AsSpan<float>().ToArray().Select(x => (float)(x / scale)).ToArray();
            Assert.IsLessThan(5e-4, ReferenceModel.Difference(restored, gradient.AsSpan<float>()).Relative, name);
        }
    }

    /// <summary>Gradients of a perceptron whose weights are rounded to a type, wherever they are stored.</summary>
    private static Dictionary<string, NdArray> Gradients(DataType stored, bool computesNarrow, TrainingPrecision precision, DataType rounded, double factor = 1, double? scale = null)
    {
        var random = new System.Random(4);
        var (first, second) = (Random(random, Inputs * Hidden), Random(random, Hidden));
        using var model = new Model();
        model.OpsetImports[""] = 17;
        var builder = new GraphBuilder(model);
        var x = builder.Input("x", DataType.Float, Batch, Inputs);
        var inner = computesNarrow ? stored : DataType.Float;
        Expr Weight(string name, float[] numbers, params long[] dims) =>
            builder.Initializer(model.Graph.AddInitializer(name, Store(Store(numbers, rounded, dims).ToFloats(), stored, dims))).Cast(inner);
        var hidden = x.Cast(inner).MatMul(Weight("first", first, Inputs, Hidden)).Tanh();
        builder.AddOutput("y", (hidden * 0.75).MatMul(Weight("second", second, Hidden, 1)).Cast(DataType.Float));

        var graph = TrainingGraph.Create(model, trainable: ["first", "second"], precision: precision);
        var output = graph.Builder.Of(graph.Model.Graph.Outputs[0]);
        graph.Builder.AddOutput("loss", output.Square().Mean() * factor);
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, "loss", ["first", "second"], new GradientOptions { LossScale = scale is not null });
        var feeds = new Dictionary<string, NdArray> { ["x"] = NdArray.Create(Random(random, Batch * Inputs), Batch, Inputs) };
        foreach (var (name, tensor) in graph.Parameters)
        {
            feeds[name] = NdArray.Create(tensor.ToFloats(), tensor.Dims);
        }

        if (scale is { } value)
        {
            feeds[TrainingGraph.LossScale] = NdArray.Create([(float)value]);
        }

        var outputs = function.Run(feeds);
        return graph.Parameters.Keys.ToDictionary(name => name, name => outputs[TrainingGraph.GradientPrefix + name]);
    }

    private static float[] Random(System.Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => (float)((2 * random.NextDouble()) - 1))];

    private static Tensor Store(float[] numbers, DataType type, long[] dims) => type switch
    {
        DataType.Float16 => Tensor.Create<Half>(type, dims, Array.ConvertAll(numbers, number => (Half)number)),
        DataType.BFloat16 => Tensor.Create<ushort>(type, dims, Array.ConvertAll(numbers, number => (ushort)(BitConverter.SingleToUInt32Bits(number) >> 16))),
        _ => Tensor.Floats(dims, numbers),
    };
}
