using CompressTool.Compression.Pruning.Dependencies;
using CompressTool.Compression.Pruning.Importance;

namespace CompressTool.Compression.Pruning.Selection;

/// <summary>Chooses the channels that go: as many of each group, or those that matter least of all groups.</summary>
/// <param name="groups">The groups, in order.</param>
/// <param name="scorer">Scores them.</param>
/// <param name="options">How they are chosen.</param>
/// <param name="sizes">What the groups had before the first of several rounds, which ratios count from; null in the only round.</param>
/// <param name="cancellationToken">Ends the work.</param>
internal sealed class ChannelChooser(IReadOnlyList<PrunableGroup> groups, GroupScorer scorer, PruneOptions options, GroupSizes? sizes, CancellationToken cancellationToken)
{
    private readonly BlockPlan[] _plans = [.. groups.Select(group => new BlockPlan(group, options.RoundTo))];
    private List<(int Group, double Cost)>? _steps;
    private ChannelRanking?[]? _rankings;

    /// <summary>Steps that a global ranking has: one channel of each block of a group.</summary>
    public int Steps => Ranked().Count;

    /// <summary>How many steps of the global ranking a ratio takes, those of earlier rounds taken off.</summary>
    public int StepsOf(double ratio)
    {
        var all = sizes is null ? Steps : sizes.Steps ??= Steps;
        return Math.Max(0, (int)Math.Round(all * ratio) - (all - Steps));
    }

    /// <summary>Groups without a score, which keep all channels.</summary>
    public List<PrunableGroup> Unscored { get; } = [];

    /// <summary>
    /// The same share of each group. Where blocks rank by themselves a group is scored just before it is chosen from, on what earlier
    /// groups left of its layers, as Torch-Pruning 1.2 does; where they lose alike it is scored on the whole model, as 1.6 does.
    /// </summary>
    public ChannelChoice Local(double ratio)
    {
        var choice = new ChannelChoice();
        var isAlike = options.BlockRanking == BlockRanking.Alike;
        Unscored.Clear();
        foreach (var plan in _plans)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var perBlock = PerBlock(plan, Math.Min(ratio, options.MaxRatio.Value));
            if (perBlock == 0)
            {
                continue;
            }

            if (scorer.Score(plan.Group.Members, plan.Group.Length, isAlike ? null : choice.KeptOf, cancellationToken) is { } scores)
            {
                choice.Remove(plan.Group, new ChannelRanking(plan, scores.Scores, isAlike).First(perBlock));
            }
            else
            {
                Unscored.Add(plan.Group);
            }
        }

        return choice;
    }

    /// <summary>As many channels as <see cref="Local"/> takes, chosen by the scores of the whole model: enough to tell what would be left.</summary>
    public ChannelChoice Estimate(double ratio)
    {
        _ = Ranked();
        var choice = new ChannelChoice();
        foreach (var ranking in _rankings!.OfType<ChannelRanking>())
        {
            choice.Remove(ranking.Plan.Group, ranking.First(PerBlock(ranking.Plan, Math.Min(ratio, options.MaxRatio.Value))));
        }

        return choice;
    }

    /// <summary>The first steps of the ranking over all groups.</summary>
    public ChannelChoice Global(int steps)
    {
        var counts = new int[_plans.Length];
        foreach (var (group, _) in Ranked().Take(steps))
        {
            counts[group]++;
        }

        var choice = new ChannelChoice();
        foreach (var (group, count) in counts.Index())
        {
            if (_rankings![group] is { } ranking)
            {
                choice.Remove(ranking.Plan.Group, ranking.First(ranking.Plan.Largest(count)));
            }
        }

        return choice;
    }

    /// <summary>How many channels of each block of a group a ratio takes, before rounding down to what may go.</summary>
    private int PerBlock(BlockPlan plan, double ratio)
    {
        var whole = sizes?.Of(plan.Group) ?? plan.Group.Length;
        var wanted = options.BlockRanking == BlockRanking.Alike
            ? plan.Size - (int)(whole / plan.Blocks.Length * (1 - ratio))
            : (plan.Group.Length - (int)(whole * (1 - ratio))) / plan.Blocks.Length;
        return plan.Largest(Math.Max(0, wanted));
    }

    private List<(int Group, double Cost)> Ranked()
    {
        if (_steps is not null)
        {
            return _steps;
        }

        _rankings = new ChannelRanking?[_plans.Length];
        _steps = [];
        foreach (var (index, plan) in _plans.Index())
        {
            if (scorer.Score(plan.Group.Members, plan.Group.Length, cancellationToken: cancellationToken) is not { } scores)
            {
                Unscored.Add(plan.Group);
                continue;
            }

            _rankings[index] = new ChannelRanking(plan, scores.Scores, options.BlockRanking == BlockRanking.Alike);
            var least = (int)Math.Ceiling((sizes?.Of(plan.Group) ?? plan.Group.Length) / plan.Blocks.Length * (1 - options.MaxRatio.Value));
            var most = plan.Size - Math.Max(1, least);
            var highest = double.NegativeInfinity;
            for (var step = 0; step < most; step++)
            {
                // A later step of a group never comes before an earlier one.
                highest = Math.Max(highest, _rankings[index]!.CostOf(step));
                _steps.Add((index, highest));
            }
        }

        _steps = [.. _steps.OrderBy(step => step.Cost)];
        return _steps;
    }
}
