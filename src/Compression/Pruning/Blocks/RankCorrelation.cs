namespace CompressTool.Compression.Pruning.Blocks;

/// <summary>How well the order of some numbers agrees with that of others.</summary>
public static class RankCorrelation
{
    /// <summary>Spearman's rank correlation: the correlation of the ranks, where equal numbers share the mean of their ranks. 0 when all numbers of a side are equal.</summary>
    /// <param name="one">Two numbers or more.</param>
    /// <param name="other">As many.</param>
    public static double Spearman(IReadOnlyList<double> one, IReadOnlyList<double> other) => Pearson(Ranks(one), Ranks(other));

    /// <summary>Pearson's correlation. 0 when all numbers of a side are equal.</summary>
    /// <param name="one">Two numbers or more.</param>
    /// <param name="other">As many.</param>
    public static double Pearson(IReadOnlyList<double> one, IReadOnlyList<double> other)
    {
        if (one.Count != other.Count || one.Count < 2)
        {
            throw new ArgumentException($"{one.Count} numbers cannot be compared with {other.Count}; two pairs are needed at least.", nameof(other));
        }

        var (meanOfOne, meanOfOther) = (one.Average(), other.Average());
        double product = 0, squareOfOne = 0, squareOfOther = 0;
        for (var index = 0; index < one.Count; index++)
        {
            var (x, y) = (one[index] - meanOfOne, other[index] - meanOfOther);
            (product, squareOfOne, squareOfOther) = (product + (x * y), squareOfOne + (x * x), squareOfOther + (y * y));
        }

        return squareOfOne == 0 || squareOfOther == 0 ? 0 : product / Math.Sqrt(squareOfOne * squareOfOther);
    }

    private static double[] Ranks(IReadOnlyList<double> numbers)
    {
        var order = Enumerable.Range(0, numbers.Count).OrderBy(index => numbers[index]).ToArray();
        var ranks = new double[order.Length];
        for (var first = 0; first < order.Length;)
        {
            var last = first;
            while (last + 1 < order.Length && numbers[order[last + 1]] == numbers[order[first]])
            {
                last++;
            }

            foreach (var index in order[first..(last + 1)])
            {
                ranks[index] = (first + last) / 2.0;
            }

            first = last + 1;
        }

        return ranks;
    }
}
