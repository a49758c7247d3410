using CompressTool.Onnx;
using CompressTool.Runtime.Engine;
using CompressTool.Training.Optimization;

namespace CompressTool.Training.Loop;

/// <summary>
/// Finds the first value inside a graph that is infinite or not a number: runs it once more, node by node as it is written,
/// and looks at what every node gives. Costs nothing until it is needed.
/// </summary>
/// <param name="engine">Runs the graph.</param>
/// <param name="create">Makes the graph, with all its shapes known, when it is needed; it belongs to the search.</param>
public sealed class NonFiniteSearch(IEngine engine, Func<Model> create)
{
    /// <summary>How much memory may be taken for values at a time.</summary>
    private const long MaxBytes = 256 << 20;

    private ICompiledFunction? _function;
    private List<Value> _values = [];

    /// <summary>Finds the first bad value.</summary>
    /// <param name="parameters">The parameters as they were.</param>
    /// <param name="batch">The samples.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <returns>Words for an error message, e.g. <c>output 'h' of the Exp '/act/Exp'</c>; null when all are finite.</returns>
    /// <exception cref="Onnx.Diagnostics.CompressToolException">The engine cannot run the graph.</exception>
    public string? Find(ParameterSet parameters, Batch batch, CancellationToken cancellationToken)
    {
        _function ??= Compile(cancellationToken);
        var inputs = new List<(string Name, NativeArray Array)>();
        foreach (var name in _function.Inputs.Select(input => input.Name))
        {
            inputs.Add((name, batch.Arrays.TryGetValue(name, out var array) ? array : parameters.Values[name]));
        }

        if (inputs.Find(input => !IsFinite(input.Array)) is { Name: not null } bad)
        {
            return $"{(batch.Arrays.ContainsKey(bad.Name) ? "the data" : "the parameter")} '{bad.Name}'";
        }

        for (var first = 0; first < _values.Count;)
        {
            var group = Group(first);
            first += group.Count;
            if (FirstBad(group, inputs, cancellationToken) is { } value)
            {
                return $"output '{value.Name}' of the {value.Producer!.OpType} '{value.Producer.DisplayName}'";
            }
        }

        return null;
    }

    private ICompiledFunction Compile(CancellationToken cancellationToken)
    {
        using var model = create();
        model.Graph.SortTopologically();
        _values = [.. from node in model.Graph.Nodes
                      from value in node.Outputs
                      where value?.ElementType is DataType.Float or DataType.Double or DataType.Float16 && value.Shape?.IsStatic == true
                      select value];
        model.Graph.Outputs.AddRange(_values.Where(value => !value.IsGraphOutput).ToList());
        return engine.Compile(model, new EngineOptions { Optimize = false }, cancellationToken);
    }

    private List<Value> Group(int first)
    {
        var group = new List<Value>();
        long bytes = 0;
        foreach (var value in _values.Skip(first))
        {
            bytes += value.ElementType.ByteSize(value.Shape!.ToArray()!.Aggregate(1L, (count, dim) => count * dim));
            if (group.Count > 0 && bytes > MaxBytes)
            {
                break;
            }

            group.Add(value);
        }

        return group;
    }

    private Value? FirstBad(List<Value> group, List<(string Name, NativeArray Array)> inputs, CancellationToken cancellationToken)
    {
        var arrays = group.Select(value => new NativeArray(value.ElementType, value.Shape!.ToArray()!)).ToList();
        try
        {
            using var binding = _function!.Bind();
            foreach (var (name, array) in inputs)
            {
                binding.SetInput(name, array);
            }

            foreach (var (value, array) in group.Zip(arrays))
            {
                binding.SetOutput(value.Name, array);
            }

            binding.Run(cancellationToken);
            return group.Zip(arrays).FirstOrDefault(pair => !IsFinite(pair.Second)).First;
        }
        finally
        {
            arrays.ForEach(array => array.Dispose());
        }
    }

    private static bool IsFinite(NativeArray array) => array.Type switch
    {
        DataType.Float => !array.AsSpan<float>().ContainsAnyExceptInRange(float.MinValue, float.MaxValue),
        DataType.Double => !array.AsSpan<double>().ContainsAnyExceptInRange(double.MinValue, double.MaxValue),
        DataType.Float16 => IsFinite(array.AsSpan<ushort>()),
        _ => true,
    };

    /// <summary>The bits of a float16 that is not finite have all of the exponent set.</summary>
    private static bool IsFinite(ReadOnlySpan<ushort> halves)
    {
        const int exponent = 0x7C00;
        foreach (var half in halves)
        {
            if ((half & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }
}
