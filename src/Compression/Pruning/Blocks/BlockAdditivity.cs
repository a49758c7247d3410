using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>How well losses of single blocks add up to that of several.</summary>
/// <param name="Subsets">How many choices of blocks were measured.</param>
/// <param name="Spearman">Rank correlation of the sum of losses with the loss of all together.</param>
/// <param name="Pearson">Correlation of the logarithms of both.</param>
/// <param name="Sums">The sum of the blocks' losses, for each choice.</param>
/// <param name="Joint">The loss without all blocks of a choice.</param>
public sealed record BlockAdditivity(int Subsets, double Spearman, double Pearson, IReadOnlyList<double> Sums, IReadOnlyList<double> Joint)
{
    /// <summary>Compares sums and joint losses over random choices of blocks.</summary>
    /// <param name="blocks">Blocks of which none is inside another, two or more.</param>
    /// <param name="scores">Their losses.</param>
    /// <param name="measure">Measures the losses of choices, as the scores were measured.</param>
    /// <param name="subsets">How many choices.</param>
    /// <param name="seed">What they depend on.</param>
    /// <param name="size">How many blocks each choice has; from one to half of them when null. Choices of one size are harder: the number of blocks alone tells nothing of the loss then.</param>
    public static BlockAdditivity Measure(IReadOnlyList<Block> blocks, BlockScores scores, Func<IReadOnlyList<IReadOnlyCollection<Block>>, double[]> measure, int subsets = 50, ulong seed = 0, int? size = null)
    {
        BlockRemoval.Check(blocks);
        var choices = new List<Block[]>();
        for (var index = 0; index < subsets; index++)
        {
            var stream = new RandomSource(seed, "subsets").Stream(index, 0);
            var order = blocks.ToArray();
            var count = size ?? 1 + (int)stream.NextInt64(Math.Max(1, blocks.Count / 2));
            for (var place = 0; place < count; place++)
            {
                var other = place + (int)stream.NextInt64(order.Length - place);
                (order[place], order[other]) = (order[other], order[place]);
            }

            choices.Add(order[..count]);
        }

        var joint = measure(choices);
        var sums = choices.ConvertAll(choice => choice.Sum(scores.Of));
        return new BlockAdditivity(subsets, RankCorrelation.Spearman(sums, joint), RankCorrelation.Pearson(Logarithms(sums), Logarithms(joint)), sums, joint);
    }

    private static double[] Logarithms(IEnumerable<double> losses) => [.. losses.Select(loss => Math.Log(Math.Max(loss, 1e-300)))];
}
