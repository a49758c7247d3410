using CompressTool.Onnx;
using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>A level of a U-Net: all of one size.</summary>
/// <param name="Concats">Where its decoder takes skips, in order.</param>
internal sealed record UNetLevel(IReadOnlyList<SkipConcat> Concats)
{
    /// <summary>What its encoder keeps, in order: what comes in, then the result of each step.</summary>
    public IReadOnlyList<Value> Skips { get; } = [.. Concats.Reverse().Select(concat => concat.Skip)];
}

/// <summary>A U-Net as its skips show it: levels of one size each, from the outermost in.</summary>
internal sealed class UNetStructure
{
    private UNetStructure(IReadOnlyList<UNetLevel> levels) => Levels = levels;

    /// <summary>The levels, the outermost first.</summary>
    public IReadOnlyList<UNetLevel> Levels { get; }

    /// <summary>Finds the levels.</summary>
    /// <exception cref="CompressToolException">The model is no U-Net whose decoder takes the skips in the opposite order.</exception>
    public static UNetStructure Find(BlockGraph graph)
    {
        var concats = SkipSearch.Concats(graph);
        if (concats.Count == 0)
        {
            throw Unsuitable("it has no skips, which U-Nets put together with what comes from inside by Concat");
        }

        for (var index = 1; index < concats.Count; index++)
        {
            if (graph.Position(concats[index].Skip) >= graph.Position(concats[index - 1].Skip))
            {
                throw Unsuitable($"'{concats[index].Node.DisplayName}' does not take an earlier skip than '{concats[index - 1].Node.DisplayName}'; in a U-Net the last skip is taken first");
            }
        }

        var levels = new List<List<SkipConcat>>();
        foreach (var concat in concats)
        {
            if (levels.Count == 0 || Size(graph, levels[^1][0]) != Size(graph, concat))
            {
                levels.Add([]);
            }

            levels[^1].Add(concat);
        }

        levels.Reverse();
        return new UNetStructure([.. levels.Select(level => new UNetLevel(level))]);
    }

    private static string Size(BlockGraph graph, SkipConcat concat) => string.Join(',', graph.ShapeOf(concat.Skip)!.Skip(2).Select(dim => dim.ToString()));

    private static CompressToolException Unsuitable(string why) => new(CompressionErrors.UnsuitableModel, $"the model is not a U-Net: {why}") { OptionPath = "blocks" };
}
