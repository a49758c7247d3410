using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Optimization;

/// <summary>Adam (Kingma and Ba 2015, algorithm 1), as PyTorch's: weight decay is added to the gradient (L2).</summary>
public record AdamOptions : OptimizerOptions
{
    /// <summary>Decay of the mean of gradients, from 0 to less than 1.</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the mean of squared gradients, from 0 to less than 1.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>What is added to the root of the mean square, after its bias correction; more than 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <inheritdoc/>
    public override string Name => "adam";

    /// <inheritdoc/>
    public override Optimizer Create(ParameterSet parameters) => new Adam(parameters, this, decoupled: false);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> Describe() =>
        [.. base.Describe(), new("beta1", Numbers.Text(Beta1)), new("beta2", Numbers.Text(Beta2)), new("epsilon", Numbers.Text(Epsilon))];

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Numbers.Check(Beta1 is >= 0 and < 1, "beta1", Beta1, "from 0 to less than 1");
        Numbers.Check(Beta2 is >= 0 and < 1, "beta2", Beta2, "from 0 to less than 1");

        // As float32, in which it is added: otherwise a weight without gradient would be divided by zero.
        Numbers.Check((float)Epsilon is > 0 and < float.PositiveInfinity, "epsilon", Epsilon, "more than 0");
    }
}

/// <summary>
/// AdamW (Loshchilov and Hutter 2019, algorithm 2), as PyTorch's: weights shrink by the factor 1 - learning rate * weight
/// decay before the step, apart from the gradient.
/// </summary>
public sealed record AdamWOptions : AdamOptions
{
    /// <summary>The defaults of PyTorch: a weight decay of 0.01.</summary>
    public AdamWOptions() => WeightDecay = 0.01;

    /// <inheritdoc/>
    public override string Name => "adamw";

    /// <inheritdoc/>
    public override Optimizer Create(ParameterSet parameters) => new Adam(parameters, this, decoupled: true);
}

/// <summary>Adam and AdamW; see their options.</summary>
internal sealed class Adam(ParameterSet parameters, AdamOptions options, bool decoupled) : Optimizer(parameters, options, "exp_avg", "exp_avg_sq")
{
    private const string Rate = "rate", RootScale = "root scale", Shrink = "shrink";

    internal override IReadOnlyList<(string Name, float Value)> StepNumbers(double learningRate)
    {
        var (decaying, _) = Rules(learningRate);
        return [(Rate, decaying.Rate), (RootScale, decaying.RootScale), (Shrink, decaying.Shrink)];
    }

    internal override (Expr Weight, Expr[] State) Write(Expr weight, Expr gradient, Expr[] state, bool decays, IReadOnlyDictionary<string, Expr> numbers)
    {
        var (decaying, plain) = Rules(0);
        var rule = decays ? decaying : plain;
        gradient = rule.L2 == 0 ? gradient : gradient + (weight * rule.L2);
        var first = (gradient * rule.Rest1) + (state[0] * rule.Beta1);
        var second = (gradient.Square() * rule.Rest2) + (state[1] * rule.Beta2);
        var root = (second.Sqrt() * numbers[RootScale]) + rule.Epsilon;
        var shrunk = decays && decoupled ? weight * numbers[Shrink] : weight;
        return ((first / root * numbers[Rate]) + shrunk, [first, second]);
    }

    private protected override void Update(UpdateBlocks blocks, bool[] decays, double learningRate)
    {
        var (decaying, plain) = Rules(learningRate);
        FusedUpdate.Run(Parameters, decays, blocks, decaying, plain, Threads);
    }

    private (Rule Decaying, Rule Plain) Rules(double learningRate)
    {
        // The corrections are made in double precision and applied in this order by PyTorch.
        var correction1 = 1 - Math.Pow(options.Beta1, StepCount);
        var correction2 = 1 - Math.Pow(options.Beta2, StepCount);
        var plain = new Rule
        {
            Beta1 = (float)options.Beta1,
            Rest1 = (float)(1 - options.Beta1),
            Beta2 = (float)options.Beta2,
            Rest2 = (float)(1 - options.Beta2),
            RootScale = (float)(1 / Math.Sqrt(correction2)),
            Epsilon = (float)options.Epsilon,
            Rate = (float)(-learningRate / correction1),
            Shrink = 1,
        };
        return (decoupled ? plain with { Shrink = (float)(1 - (learningRate * options.WeightDecay)) } : plain with { L2 = (float)options.WeightDecay }, plain);
    }

    private record struct Rule : IUpdateRule
    {
        public float Beta1, Rest1, Beta2, Rest2, RootScale, Epsilon, Rate, Shrink, L2;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly Vector512<float> Update(Vector512<float> weight, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second)
        {
            gradient = Vector512.FusedMultiplyAdd(weight, Vector512.Create(L2), gradient);
            first = Vector512.FusedMultiplyAdd(gradient, Vector512.Create(Rest1), first * Beta1);
            second = Vector512.FusedMultiplyAdd(gradient * gradient, Vector512.Create(Rest2), second * Beta2);
            var root = Vector512.FusedMultiplyAdd(Vector512.Sqrt(second), Vector512.Create(RootScale), Vector512.Create(Epsilon));
            return Vector512.FusedMultiplyAdd(first / root, Vector512.Create(Rate), weight * Shrink);
        }
    }
}
