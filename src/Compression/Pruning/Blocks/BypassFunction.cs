using CompressTool.Onnx;
using CompressTool.Runtime.Engine;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// A compiled model whose blocks can be bypassed from run to run: one session for all of them. What is bypassed is computed all
/// the same. Not for several threads at once.
/// </summary>
internal sealed class BypassFunction : ICompiledFunction
{
    private static readonly NdArray s_off = NdArray.Create([false]), s_on = NdArray.Create([true]);

    private readonly ICompiledFunction _inner;
    private readonly Dictionary<Block, string[]> _inputs;
    private readonly Dictionary<string, NativeArray> _gates;

    /// <summary>Compiles a model with gates behind its blocks.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="model">The model; it is the same afterwards.</param>
    /// <param name="blocks">The blocks that can be bypassed.</param>
    /// <param name="cancellationToken">Ends the loading.</param>
    public BypassFunction(IEngine engine, Model model, IReadOnlyList<Block> blocks, CancellationToken cancellationToken)
    {
        using var gates = new BypassGates(model.Graph, blocks);
        _inputs = blocks.ToDictionary(block => block, block => gates.InputsOf(block).ToArray());
        _inner = engine.Compile(model, cancellationToken: cancellationToken);
        _gates = gates.Inputs.ToDictionary(name => name, _ => new NativeArray(DataType.Bool));
        Inputs = [.. _inner.Inputs.Where(input => !_gates.ContainsKey(input.Name))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<FunctionValue> Inputs { get; }

    /// <inheritdoc/>
    public IReadOnlyList<FunctionValue> Outputs => _inner.Outputs;

    /// <inheritdoc/>
    public long? PeakBytes => _inner.PeakBytes;

    /// <summary>Says what the next runs bypass; nothing else is then.</summary>
    public void Choose(params IReadOnlyCollection<Block> blocks)
    {
        foreach (var gate in _gates.Values)
        {
            gate.AsSpan<bool>()[0] = false;
        }

        foreach (var name in blocks.SelectMany(block => _inputs[block]))
        {
            _gates[name].AsSpan<bool>()[0] = true;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, NdArray> Run(IReadOnlyDictionary<string, NdArray> feeds, IReadOnlyList<string>? outputs = null, CancellationToken cancellationToken = default)
    {
        var all = new Dictionary<string, NdArray>(feeds);
        foreach (var (name, gate) in _gates)
        {
            all[name] = gate.AsSpan<bool>()[0] ? s_on : s_off;
        }

        return _inner.Run(all, outputs, cancellationToken);
    }

    /// <inheritdoc/>
    public IFunctionBinding Bind()
    {
        var binding = _inner.Bind();
        foreach (var (name, gate) in _gates)
        {
            binding.SetInput(name, gate);
        }

        return binding;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _inner.Dispose();
        foreach (var gate in _gates.Values)
        {
            gate.Dispose();
        }
    }
}
