using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Puts a gate behind the results of blocks, each with an input of its own that says whether the result is bypassed: a Where between
/// the result and what stands for it. Takes them out again when it is disposed.
/// </summary>
internal sealed class BypassGates : IDisposable
{
    private const string Prefix = "bypass";

    private readonly Graph _graph;
    private readonly List<(Node Gate, Value Before, Value Input)> _gates = [];
    private readonly Dictionary<Bypass, string> _inputs = [];

    /// <summary>Values that stand behind a gate, by what comes out of the gate.</summary>
    private readonly Dictionary<Value, Value> _gated = [];

    /// <param name="graph">The graph.</param>
    /// <param name="blocks">Its blocks.</param>
    public BypassGates(Graph graph, IEnumerable<Block> blocks)
    {
        _graph = graph;
        foreach (var bypass in blocks.SelectMany(block => block.Bypasses).Where(bypass => !_inputs.ContainsKey(bypass)))
        {
            _inputs.Add(bypass, Add(bypass));
        }
    }

    /// <summary>The names of all gates' inputs: bool, without dimensions.</summary>
    public IReadOnlyCollection<string> Inputs => _inputs.Values;

    /// <summary>The inputs that bypass a block.</summary>
    public IEnumerable<string> InputsOf(Block block) => block.Bypasses.Select(bypass => _inputs[bypass]);

    /// <summary>Leaves the graph as it was.</summary>
    public void Dispose()
    {
        foreach (var (gate, before, input) in Enumerable.Reverse(_gates))
        {
            gate.Outputs[0]!.ReplaceAllUses(before);
            _graph.Remove(gate);
            _graph.RemoveInput(input);
        }

        _gates.Clear();
    }

    private string Add(Bypass bypass)
    {
        var (exit, entry) = (_gated.GetValueOrDefault(bypass.Exit, bypass.Exit), _gated.GetValueOrDefault(bypass.Entry, bypass.Entry));
        var input = new Value(_graph.UniqueName(Prefix), new TensorType(DataType.Bool, Shape.Scalar));
        _graph.AddInput(input);
        var result = new Value(_graph.UniqueName(exit.Name), exit.Type);
        var gate = new Node("Where", [input, entry, exit], [result], result.Name);
        _graph.InsertAfter(exit.Producer!, gate);
        exit.ReplaceAllUses(result, except: gate);
        _gated[bypass.Exit] = result;
        _gates.Add((gate, exit, input));
        return input.Name;
    }
}
