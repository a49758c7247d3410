using CompressTool.Compression.Pruning.Importance;
using CompressTool.Training.RandomNumbers;

namespace CompressTool.Compression.Pruning.Criteria;

/// <summary>Uniform numbers from 0 to 1, a function of the seed and the name of the group's first weight.</summary>
/// <param name="seed">The recipe's seed.</param>
internal sealed class RandomCriterion(long seed) : Criterion
{
    /// <inheritdoc/>
    public override GroupNormalizer Normalizer => GroupNormalizer.None;

    /// <summary>No member has a say.</summary>
    public override bool Counts(GroupMember member, int channels) => false;

    /// <inheritdoc/>
    public override double[] ScoreGroup(IReadOnlyList<GroupMember> group, int channels)
    {
        var stream = new RandomSource((ulong)seed, $"importance of {group[0].Weight.Name}, axis {group[0].Axis}").Stream();
        return [.. Enumerable.Range(0, channels).Select(_ => stream.NextDouble())];
    }

    /// <summary>Not used: slices have no scores of their own.</summary>
    public override double[][] Score(ScoredWeight weight, ImportanceData? data, CancellationToken cancellationToken) => throw new NotSupportedException();
}
