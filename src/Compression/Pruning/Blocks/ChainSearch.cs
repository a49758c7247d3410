using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>
/// Finds residual blocks in a row that belong together. A row ends where a value in between is used elsewhere, as by a skip:
/// so the parts of a U-Net's level come out. A row that repeats a pattern falls into its repetitions: so the layers of a transformer come out.
/// </summary>
/// <param name="graph">The model.</param>
internal sealed class ChainSearch(BlockGraph graph)
{
    /// <summary>The chains of blocks that are side by side.</summary>
    /// <param name="blocks">Residual blocks with their parents.</param>
    public IEnumerable<Block> Find(IReadOnlyList<Block> blocks)
    {
        foreach (var siblings in blocks.GroupBy(block => block.Parent).Select(group => group.OrderBy(block => graph.Position(block.Exit)).ToArray()))
        {
            foreach (var row in Rows(siblings))
            {
                foreach (var members in Repetitions(row).Where(members => members.Length > 1))
                {
                    if (graph.TryCreate(BlockKind.Chain, members[0].Source, [.. members.SelectMany(block => block.Bypasses)]) is { } chain)
                    {
                        yield return chain;
                    }
                }
            }
        }
    }

    private static IEnumerable<List<Block>> Rows(Block[] siblings)
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
            while (next.TryGetValue(row[^1].Exit, out var following) && IsBetween(row[^1].Exit, following) && seen.Add(following))
            {
                row.Add(following);
            }

            yield return row;
        }
    }

    /// <summary>True when nobody but the following block uses a value, if not for its size.</summary>
    private static bool IsBetween(Value value, Block following) =>
        !value.IsGraphOutput && value.Uses.All(use => following.Nodes.Contains(use.Node) || use.Node.Is("Shape") || following.ShortcutNodes().Contains(use.Node));

    /// <summary>Parts of the shortest length that give the row when repeated; the whole row when there is none.</summary>
    private static IEnumerable<Block[]> Repetitions(List<Block> row)
    {
        var kinds = row.ConvertAll(Signature);
        var length = Enumerable.Range(1, row.Count).First(length => row.Count % length == 0 && kinds.Index().All(kind => kind.Item == kinds[kind.Index % length]));
        return row.Chunk(length);
    }

    private static string Signature(Block block) => string.Join(' ', block.Nodes.Where(node => !node.Is("Constant")).Select(node => node.OpType).Order(StringComparer.Ordinal));
}
