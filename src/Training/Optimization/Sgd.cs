using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Optimization;

/// <summary>Stochastic gradient descent with momentum (Sutskever et al. 2013), as PyTorch's SGD with dampening 0: weight decay is added to the gradient.</summary>
public sealed record SgdOptions : OptimizerOptions
{
    /// <summary>Momentum, from 0 (the default, none; no state then) to less than 1.</summary>
    public double Momentum { get; init; }

    /// <summary>Whether the momentum looks ahead (Nesterov).</summary>
    public bool Nesterov { get; init; }

    /// <inheritdoc/>
    public override string Name => "sgd";

    /// <inheritdoc/>
    public override Optimizer Create(ParameterSet parameters) => new Sgd(parameters, this);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, string>> Describe() =>
        [.. base.Describe(), new("momentum", Numbers.Text(Momentum)), new("nesterov", Nesterov ? "yes" : "no")];

    /// <inheritdoc/>
    public override void Check()
    {
        base.Check();
        Numbers.Check(Momentum is >= 0 and < 1, "the momentum", Momentum, "from 0 to less than 1");
        Numbers.Check(!Nesterov || Momentum > 0, "the momentum", Momentum, "more than 0 for Nesterov's");
    }
}

/// <summary>Stochastic gradient descent; see <see cref="SgdOptions"/>.</summary>
internal sealed class Sgd(ParameterSet parameters, SgdOptions options)
    : Optimizer(parameters, options, options.Momentum > 0 ? ["momentum_buffer"] : [])
{
    private const string Rate = "rate";

    internal override IReadOnlyList<(string Name, float Value)> StepNumbers(double learningRate) => [(Rate, (float)-learningRate)];

    internal override (Expr Weight, Expr[] State) Write(Expr weight, Expr gradient, Expr[] state, bool decays, IReadOnlyDictionary<string, Expr> numbers)
    {
        gradient = decays && options.WeightDecay != 0 ? gradient + (weight * options.WeightDecay) : gradient;
        if (state.Length == 0)
        {
            return ((gradient * numbers[Rate]) + weight, []);
        }

        var momentum = (state[0] * options.Momentum) + gradient;
        var direction = options.Nesterov ? (momentum * options.Momentum) + gradient : momentum;
        return ((direction * numbers[Rate]) + weight, [momentum]);
    }

    private protected override void Update(UpdateBlocks blocks, bool[] decays, double learningRate)
    {
        var plain = new Rule(learningRate, 0, options.Momentum, options.Nesterov);
        FusedUpdate.Run(Parameters, decays, blocks, new Rule(learningRate, options.WeightDecay, options.Momentum, options.Nesterov), plain, Threads);
    }

    private readonly struct Rule(double learningRate, double weightDecay, double momentum, bool nesterov) : IUpdateRule
    {
        private readonly float _rate = (float)-learningRate;
        private readonly float _decay = (float)weightDecay;
        private readonly float _momentum = (float)momentum;
        private readonly bool _nesterov = nesterov;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Update(Vector512<float> weight, Vector512<float> gradient, ref Vector512<float> first, ref Vector512<float> second)
        {
            gradient = Vector512.FusedMultiplyAdd(weight, Vector512.Create(_decay), gradient);

            // A buffer of zeros makes the first step PyTorch's, which starts with the gradient itself.
            var momentum = Vector512.Create(_momentum);
            first = Vector512.FusedMultiplyAdd(first, momentum, gradient);
            var direction = _nesterov ? Vector512.FusedMultiplyAdd(first, momentum, gradient) : first;
            return Vector512.FusedMultiplyAdd(direction, Vector512.Create(_rate), weight);
        }
    }
}
