using CompressTool.Compression.Pruning.Criteria;
using CompressTool.Onnx;

namespace CompressTool.Compression.Pruning.Importance;

/// <summary>The scores of a group's channels; the smallest go first.</summary>
/// <param name="Scores">The score of each channel, reduced and normalised as the criterion says.</param>
/// <param name="Sums">The sums over the members.</param>
/// <param name="Members">How many members had a say.</param>
internal sealed record GroupScores(double[] Scores, double[] Sums, int Members);

/// <summary>
/// Scores groups of coupled channels: the scores of the members' slices are added up channel by channel, reduced and normalised.
/// What was read of a weight is remembered: no weight is read twice for slices of whole weights.
/// </summary>
/// <param name="criterion">The criterion.</param>
/// <param name="data">What the criterion needs besides weights; null for nothing.</param>
internal sealed class GroupScorer(Criterion criterion, ImportanceData? data = null)
{
    private readonly Dictionary<(Value Weight, int Axis), double[]> _known = [];

    /// <summary>Reads all the weights of groups, each once and one after the other.</summary>
    /// <param name="groups">The groups, with their numbers of channels.</param>
    /// <param name="progress">Told the share done and the weight that comes next; null for nobody.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public void Read(IEnumerable<(IReadOnlyList<GroupMember> Members, int Channels)> groups, Action<double, string>? progress = null, CancellationToken cancellationToken = default)
    {
        var wanted = groups.SelectMany(group => group.Members.Where(member => HasSay(member, group.Channels)))
            .GroupBy(member => member.Weight).ToArray();
        long done = 0, all = wanted.Sum(weight => Layers.ConstantOf(weight.Key)!.Count);
        foreach (var members in wanted)
        {
            progress?.Invoke((double)done / Math.Max(1, all), members.Key.Name);
            Read(members.Key, [.. members.Select(member => member.Axis).Distinct()], members.First().Role, cancellationToken);
            done += Layers.ConstantOf(members.Key)!.Count;
        }
    }

    /// <summary>The scores of a group.</summary>
    /// <param name="group">Its members.</param>
    /// <param name="channels">Its number of channels.</param>
    /// <param name="kept">For each weight what is still there: for each axis which indices, null for all; null for whole weights.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <returns>The scores; null when no member has a say.</returns>
    public GroupScores? Score(IReadOnlyList<GroupMember> group, int channels, Func<Value, IReadOnlyList<bool[]?>?>? kept = null, CancellationToken cancellationToken = default)
    {
        if (criterion.ScoreGroup(group, channels) is { } given)
        {
            return new GroupScores(given, given, 1);
        }

        var sums = new double[channels];
        var members = 0;
        foreach (var member in group.Where(member => HasSay(member, channels)))
        {
            var scores = Slices(member, kept?.Invoke(member.Weight), cancellationToken);
            for (var index = 0; index < scores.Length; index++)
            {
                if (member.Channels[index] is >= 0 and var channel)
                {
                    sums[channel] += scores[index];
                }
            }

            members++;
        }

        var reduced = criterion.Reduction == GroupReduction.Mean ? Array.ConvertAll(sums, sum => sum / members) : [.. sums];
        return members == 0 ? null : new GroupScores(Normalize(reduced, criterion.Normalizer), sums, members);
    }

    /// <summary>Divides scores by what a normaliser says; all stay 0 when that is 0.</summary>
    internal static double[] Normalize(double[] scores, GroupNormalizer normalizer) => normalizer switch
    {
        GroupNormalizer.Mean => Divide(scores, scores.Average()),
        GroupNormalizer.Max => Divide(scores, scores.Max()),
        GroupNormalizer.Lamp => Lamp(scores),
        _ => scores,
    };

    private static double[] Divide(double[] scores, double divisor) => divisor == 0 ? scores : Array.ConvertAll(scores, score => score / divisor);

    private static double[] Lamp(double[] scores)
    {
        var order = Enumerable.Range(0, scores.Length).OrderByDescending(index => scores[index]).ToArray();
        var result = new double[scores.Length];
        var sum = 0.0;
        for (int start = 0, end; start < order.Length; start = end)
        {
            // Equal ones count for each other.
            for (end = start; end < order.Length && scores[order[end]] == scores[order[start]]; end++)
            {
                sum += scores[order[end]];
            }

            foreach (var index in order[start..end])
            {
                result[index] = sum == 0 ? 0 : scores[index] / sum;
            }
        }

        return result;
    }

    private bool HasSay(GroupMember member, int channels) => criterion.Counts(member, channels) && criterion.IsKnown(member, data);

    private double[] Slices(GroupMember member, IReadOnlyList<bool[]?>? kept, CancellationToken cancellationToken)
    {
        if (kept?.Any(axis => axis?.Contains(false) == true) == true)
        {
            return criterion.Score(new ScoredWeight(member.Weight, [member.Axis], member.Role, kept), data, cancellationToken)[0];
        }

        if (!_known.ContainsKey((member.Weight, member.Axis)))
        {
            Read(member.Weight, [member.Axis], member.Role, cancellationToken);
        }

        return _known[(member.Weight, member.Axis)];
    }

    private void Read(Value weight, IReadOnlyList<int> axes, MemberRole role, CancellationToken cancellationToken)
    {
        foreach (var (axis, scores) in axes.Zip(criterion.Score(new ScoredWeight(weight, axes, role), data, cancellationToken)))
        {
            _known[(weight, axis)] = scores;
        }
    }
}
