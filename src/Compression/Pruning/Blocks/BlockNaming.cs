using CompressTool.Onnx.Diagnostics;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>Finds blocks by their names.</summary>
internal static class BlockNaming
{
    /// <summary>The blocks that a pattern matches, in their order.</summary>
    /// <param name="blocks">All blocks.</param>
    /// <param name="patterns">Name globs.</param>
    /// <param name="optionPath">The option they are from, for errors.</param>
    /// <exception cref="CompressToolException">A pattern matches none (CMP4001).</exception>
    public static IReadOnlyList<Block> Select(IReadOnlyList<Block> blocks, IReadOnlyList<string> patterns, string optionPath)
    {
        var found = new HashSet<Block>();
        foreach (var (index, pattern) in patterns.Index())
        {
            var matches = blocks.Where(block => LayerPattern.IsMatch(pattern, block.Name)).ToArray();
            if (matches.Length == 0)
            {
                throw new CompressToolException(CompressionErrors.UnmatchedSelector, $"the pattern '{pattern}' matches none of the model's {blocks.Count} blocks{NearestName.Hint(pattern, [.. blocks.Select(block => block.Name)])}")
                { OptionPath = $"{optionPath}[{index}]" };
            }

            found.UnionWith(matches);
        }

        return [.. blocks.Where(found.Contains)];
    }
}
