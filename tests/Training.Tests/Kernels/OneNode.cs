using CompressTool.Onnx;
using CompressTool.Runtime.CustomOperators;
using CompressTool.Runtime.Engine;
using Attribute = CompressTool.Onnx.Attribute;

namespace CompressTool.Training.Tests.Kernels;

/// <summary>Runs a single node of a custom operator in ONNX Runtime.</summary>
internal static class OneNode
{
    public static readonly IEngine Engine = new OnnxRuntimeEngine();

    public static ICompiledFunction Compile(CustomOperator op, IReadOnlyList<NdArray> inputs, IReadOnlyList<Attribute> attributes, int threads = 2, int outputs = int.MaxValue)
    {
        using var model = new Model();
        model.OpsetImports[""] = 17;
        model.OpsetImports[CustomOperator.Domain] = 1;
        var graphInputs = inputs.Select((array, index) => new Value($"in{index}", new TensorType(array.Type, Shape.Of([.. array.Dims])))).ToArray();
        foreach (var input in graphInputs)
        {
            model.Graph.AddInput(input);
        }

        var graphOutputs = op.Outputs.Take(outputs).Select((output, index) => new Value($"out{index}", new TensorType(output.Type, null))).ToArray();
        model.Graph.Add(new Node(op.OpType, graphInputs, graphOutputs, "the_node", CustomOperator.Domain, attributes));
        model.Graph.Outputs.AddRange(graphOutputs);
        return Engine.Compile(model, new EngineOptions { Threads = threads, CustomOperators = [op] });
    }

    public static Dictionary<string, NdArray> Feeds(IReadOnlyList<NdArray> inputs) => inputs.Index().ToDictionary(input => $"in{input.Index}", input => input.Item);

    /// <summary>The outputs in order.</summary>
    public static NdArray[] Run(CustomOperator op, IReadOnlyList<NdArray> inputs, IReadOnlyList<Attribute> attributes, int threads = 2, int outputs = int.MaxValue)
    {
        using var function = Compile(op, inputs, attributes, threads, outputs);
        var results = function.Run(Feeds(inputs));
        return [.. op.Outputs.Take(outputs).Select((_, index) => results[$"out{index}"])];
    }

    public static NdArray Random(Random random, params long[] dims)
    {
        var values = new float[dims.Aggregate(1L, (count, dim) => count * dim)];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)((random.NextDouble() * 2) - 1);
        }

        return NdArray.Create(values, dims);
    }

    /// <summary>The difference is small beside the whole (in the Euclidean norm), or for each element beside a number.</summary>
    public static void AssertClose(double[] expected, NdArray actual, double tolerance, string what, double smallest = 0)
    {
        var values = actual.AsSpan<float>();
        Assert.AreEqual(expected.Length, values.Length, what);
        double difference = 0, norm = 0;
        for (var i = 0; i < expected.Length; i++)
        {
            difference += (expected[i] - values[i]) * (expected[i] - values[i]);
            norm += expected[i] * expected[i];
        }

        // Written so that NaN fails.
        Assert.IsTrue(Math.Sqrt(difference) <= (tolerance * Math.Sqrt(norm)) + (smallest * Math.Sqrt(expected.Length)), $"{what}: {Math.Sqrt(difference)} of {Math.Sqrt(norm)}");
    }
}
