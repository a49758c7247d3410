using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Differentiation;
using CompressTool.Training.Engine;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Tests.Differentiation;

/// <summary>An exported model with its inputs and the gradients that PyTorch computed for it.</summary>
internal static class ReferenceModel
{
    /// <summary>Mean squared error.</summary>
    public static Expr MeanSquaredError(Expr output, Expr target) => (output - target).Square().Mean();

    /// <summary>The arrays of a folder of .npy files by name.</summary>
    public static Dictionary<string, NdArray> ReadArrays(string folder, params string[] names) =>
        names.ToDictionary(name => name, name => NdArray.From(NpyFile.Read(Path.Combine(folder, name + ".npy"))));

    /// <summary>Runs a training graph and its gradients with the parameters it came with.</summary>
    public static IReadOnlyDictionary<string, NdArray> Run(TrainingGraph graph, string loss, IReadOnlyDictionary<string, NdArray> feeds, params IReadOnlyList<string> by)
    {
        using var function = new OnnxRuntimeTrainingEngine().CompileGradient(graph.Model, loss, by.Count > 0 ? by : [.. graph.Parameters.Keys]);
        var all = new Dictionary<string, NdArray>(feeds);
        foreach (var (name, tensor) in graph.Parameters)
        {
            all[name] = NdArray.From(tensor);
        }

        return function.Run(all);
    }

    /// <summary>
    /// Compares gradients with reference ones. Exporters rename, transpose and unsqueeze weights; those are found by their content.
    /// </summary>
    /// <returns>The largest relative error (in norm), and which parameter has it.</returns>
    public static (double Error, string Name, int Count) Compare(
        IReadOnlyDictionary<string, Tensor> parameters, IReadOnlyDictionary<string, NdArray> outputs, SafetensorsFile weights, SafetensorsFile gradients, IReadOnlyCollection<string> zero)
    {
        var worst = (Error: 0.0, Name: "", Count: 0);
        var found = new HashSet<string>();
        foreach (var (name, tensor) in parameters)
        {
            var actual = outputs[TrainingGraph.GradientPrefix + name].AsSpan<float>().ToArray();
            var reference = name;
            if (!gradients.Names.Contains(name))
            {
                (reference, actual) = FindByContent(tensor, actual, weights) ?? (name, actual);
            }

            // What else the exporter stores, such as a scale of ones, is no parameter of the reference.
            if (!gradients.TryGet(reference, out var expected) || !found.Add(reference))
            {
                continue;
            }

            var error = Difference(actual, expected.ToArray<float>());
            worst.Count++;
            if (zero.Contains(reference))
            {
                Assert.IsLessThan(1e-6, error.Absolute, reference);
            }
            else if (error.Relative > worst.Error)
            {
                (worst.Error, worst.Name) = (error.Relative, reference);
            }
        }

        return worst;
    }

    /// <summary>The initializers that are weights of the reference, with their names there.</summary>
    public static Dictionary<string, string> NamesIn(SafetensorsFile weights, Model model)
    {
        var names = new Dictionary<string, string>();
        foreach (var value in model.Graph.Initializers.Where(value => value.ElementType == DataType.Float))
        {
            var name = weights.Names.Contains(value.Name) ? value.Name : FindByContent(value.Initializer!, value.Initializer!.ToArray<float>(), weights)?.Name;
            if (name is not null && !names.ContainsValue(name))
            {
                names.Add(value.Name, name);
            }
        }

        return names;
    }

    public static (double Absolute, double Relative) Difference(ReadOnlySpan<float> actual, ReadOnlySpan<float> expected)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        var (difference, norm) = (0.0, 0.0);
        for (var i = 0; i < actual.Length; i++)
        {
            difference += Math.Pow((double)actual[i] - expected[i], 2);
            norm += Math.Pow(expected[i], 2);
        }

        return (Math.Sqrt(difference), Math.Sqrt(difference / norm));
    }

    private static (string Name, float[] Gradient)? FindByContent(Tensor tensor, float[] gradient, SafetensorsFile weights)
    {
        var content = tensor.ToArray<float>();
        var turned = tensor.Dims.Count == 2 ? Transpose(content, tensor.Dims) : [];
        foreach (var name in weights.Names.Where(name => weights[name].Count == tensor.Count))
        {
            var candidate = weights[name].ToArray<float>();
            if (candidate.AsSpan().SequenceEqual(content))
            {
                return (name, gradient);
            }

            if (candidate.AsSpan().SequenceEqual(turned))
            {
                return (name, Transpose(gradient, tensor.Dims));
            }
        }

        return null;
    }

    private static float[] Transpose(float[] matrix, IReadOnlyList<long> dims)
    {
        var (rows, columns) = ((int)dims[0], (int)dims[1]);
        var result = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = matrix[(row * columns) + column];
            }
        }

        return result;
    }
}
