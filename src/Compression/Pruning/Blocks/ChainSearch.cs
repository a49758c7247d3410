using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Finds residual blocks in a row that belong together. A row ends where a value in between is used elsewhere, as by a skip:
/// so the parts of a U-Net's level come out. A row that repeats a pattern falls into its repetitions: so the layers of a transformer come out.
/// Normalisations or activations may stand between the blocks, as in transformers that normalise behind the sum (Vaswani et al. 2017); they go
/// with the chain.
/// </summary>
/// <param name="graph">The model.</param>
internal sealed class ChainSearch(BlockGraph graph)
{
    private readonly Dictionary<Block, Value> _ends = [];

    /// <summary>The chains of blocks that are side by side.</summary>
    /// <param name="blocks">Residual blocks with their parents.</param>
    public IEnumerable<Block> Find(IReadOnlyList<Block> blocks)
    {
        foreach (var block in blocks)
        {
            _ends[block] = Behind(block.Exit);
        }

        foreach (var siblings in blocks.GroupBy(block => block.Parent).Select(group => group.OrderBy(block => graph.Position(block.Exit)).ToArray()))
        {
            foreach (var members in Rows(siblings).SelectMany(Repetitions).Where(members => members.Length > 1))
            {
                if (Create(members) is { } chain)
                {
                    yield return chain;
                }
            }
        }
    }

    private Block? Create(Block[] members)
    {
        var (source, end) = (members[0].Source, _ends[members[^1]]);
        var isNormalized = members.SkipLast(1).Any(member => _ends[member] != member.Exit);
        return isNormalized && members[0].Kind == BlockKind.Residual && graph.IsSameShape(source, end)
            ? graph.TryCreate(BlockKind.Chain, source, new Bypass(end, source))
            : graph.TryCreate(BlockKind.Chain, source, [.. members.SelectMany(block => block.Bypasses)]);
    }

    private IEnumerable<List<Block>> Rows(Block[] siblings)
    {
        var next = new Dictionary<Value, Block>();
        foreach (var block in siblings)
        {
            next.TryAdd(block.Source, block);
        }

        var seen = new HashSet<Block>();
        foreach (var first in siblings.Where(seen.Add))
        {
            var row = new List<Block> { first };
            while (_ends[row[^1]] is var end && next.TryGetValue(end, out var following) && IsBetween(end, following) && seen.Add(following))
            {
                row.Add(following);
            }

            yield return row;
        }
    }

    /// <summary>True when nobody but the following block uses a value, if not for its size.</summary>
    private static bool IsBetween(Value value, Block following) =>
        !value.IsGraphOutput && value.Uses.All(use => following.Nodes.Contains(use.Node) || use.Node.Is("Shape") || following.ShortcutNodes().Contains(use.Node));

    /// <summary>What a normalisation or activation directly behind a value makes of it; the value itself when there is none, or when others take the value too.</summary>
    private Value Behind(Value value)
    {
        var (inside, end) = (new HashSet<Value> { value }, value);
        var open = new SortedSet<int>(Users(value));
        while (open.Count > 0)
        {
            var node = graph.Graph.Nodes[open.Min];
            open.Remove(open.Min);
            if (graph.HasProducts(node) || node.Subgraphs.Any() || node.Outputs is not [{ } output] || node.Inputs.Any(input => BlockGraph.IsComputed(input) && !inside.Contains(input!)))
            {
                continue;
            }

            inside.Add(output);
            open.UnionWith(Users(output));
            if (graph.IsSameShape(value, output) && inside.All(other => other == output || !IsTakenOutside(other, inside)))
            {
                end = output;
            }
        }

        return end;
    }

    private IEnumerable<int> Users(Value value) => value.Uses.Where(use => use.Node.Graph == graph.Graph).Select(use => graph.Position(use.Node));

    private static bool IsTakenOutside(Value value, HashSet<Value> inside) =>
        value.IsGraphOutput || value.Uses.Any(use => !use.Node.Is("Shape") && !use.Node.Outputs.All(output => output is not null && inside.Contains(output)));

    /// <summary>Parts of the shortest length that give the row when repeated; the whole row when there is none.</summary>
    private static IEnumerable<Block[]> Repetitions(List<Block> row)
    {
        var kinds = row.ConvertAll(Signature);
        var length = Enumerable.Range(1, row.Count).First(length => row.Count % length == 0 && kinds.Index().All(kind => kind.Item == kinds[kind.Index % length]));
        return row.Chunk(length);
    }

    private static string Signature(Block block) => string.Join(' ', block.Nodes.Where(node => !node.Is("Constant")).Select(node => node.OpType).Order(StringComparer.Ordinal));
}
