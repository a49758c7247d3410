using CompressTool.Onnx.Diagnostics;
using CompressTool.Training.Expressions;

namespace CompressTool.Training.Optimization;

/// <summary>What all optimizers have. The defaults of the derived records are PyTorch's.</summary>
public abstract record OptimizerOptions
{
    /// <summary>Learning rate at the top of its schedule.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Weight decay; 0 for none.</summary>
    public double WeightDecay { get; init; }

    /// <summary>
    /// Whether parameters of less than two dimensions (biases, scales of normalisations) decay too, as they do in PyTorch;
    /// true by default.
    /// </summary>
    public bool DecayVectors { get; init; } = true;

    /// <summary>The optimizer's name as configurations write it, e.g. <c>adamw</c>.</summary>
    public abstract string Name { get; }

    /// <summary>Creates the optimizer, its state zero.</summary>
    /// <exception cref="CompressToolException">An option is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    public abstract Optimizer Create(ParameterSet parameters);

    /// <summary>The options that decide the numbers, by name, in a fixed order.</summary>
    public virtual IEnumerable<KeyValuePair<string, string>> Describe() =>
    [
        new("optimizer", Name),
        new("learning rate", Numbers.Text(LearningRate)),
        new("weight decay", Numbers.Text(WeightDecay)),
        new("decay vectors", DecayVectors ? "yes" : "no"),
    ];

    /// <summary>Checks the options.</summary>
    /// <exception cref="CompressToolException">One is out of its range (<see cref="TrainingErrors.InvalidOption"/>).</exception>
    public virtual void Check()
    {
        Numbers.Check(LearningRate is >= 0 and < double.PositiveInfinity, "the learning rate", LearningRate, "0 or more");
        Numbers.Check(WeightDecay is >= 0 and < double.PositiveInfinity, "the weight decay", WeightDecay, "0 or more");
    }
}

/// <summary>A part of an optimizer's state: one number for each weight.</summary>
/// <param name="Name">Its name, as in PyTorch, e.g. <c>exp_avg</c>.</param>
/// <param name="Block">The numbers.</param>
public sealed record OptimizerState(string Name, ParameterBlock Block);

/// <summary>
/// Changes parameters by their gradients. A step is one pass over parameters, gradients, state and moving average; it gives
/// the same bits on any number of threads.
/// </summary>
public abstract class Optimizer : IDisposable
{
    private readonly bool[] _decays;

    /// <summary>Creates the parts that all optimizers have.</summary>
    /// <param name="parameters">What is trained; it must live longer.</param>
    /// <param name="options">The options.</param>
    /// <param name="states">Names of the states.</param>
    private protected Optimizer(ParameterSet parameters, OptimizerOptions options, params ReadOnlySpan<string> states)
    {
        options.Check();
        Parameters = parameters;
        Options = options;
        _decays = [.. parameters.Layout.Slots.Select(slot => options.DecayVectors || slot.Dims.Count >= 2)];
        var created = new OptimizerState[states.Length];
        for (var i = 0; i < states.Length; i++)
        {
            created[i] = new OptimizerState(states[i], parameters.NewBlock());
        }

        State = created;
    }

    /// <summary>What is trained.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>The options.</summary>
    public OptimizerOptions Options { get; }

    /// <summary>The state, one number a weight each; checkpoints hold it together with <see cref="StepCount"/>.</summary>
    public IReadOnlyList<OptimizerState> State { get; }

    /// <summary>Steps made so far, those before a resume included.</summary>
    public long StepCount { get; private set; }

    /// <summary>Threads that a step may use; 0 (the default) for one per processor. The result does not depend on it.</summary>
    public int Threads { get; set; }

    /// <summary>Chooses whether a parameter has weight decay.</summary>
    /// <exception cref="CompressToolException">There is no parameter of that name (<see cref="TrainingErrors.InvalidParameter"/>).</exception>
    public void SetWeightDecay(string parameter, bool decays) => _decays[Parameters.Layout.IndexOf(parameter)] = decays;

    /// <summary>Changes the parameters by <see cref="ParameterSet.Gradients"/>, which stay as they are.</summary>
    /// <param name="learningRate">The learning rate of this step.</param>
    /// <param name="gradientScale">Factor of the gradients; see <see cref="GradientNorm.ClipFactor"/>.</param>
    /// <param name="average">A moving average to bring up to date in the same pass; null for none.</param>
    public unsafe void Step(double learningRate, double gradientScale = 1, MovingAverage? average = null)
    {
        StepCount++;
        var blocks = new UpdateBlocks
        {
            Weights = Parameters.Values.Pointer,
            Gradients = Parameters.Gradients.Pointer,
            First = State.Count > 0 ? State[0].Block.Pointer : null,
            Second = State.Count > 1 ? State[1].Block.Pointer : null,
            GradientScale = (float)gradientScale,
        };
        if (average is not null)
        {
            Parameters.Values.CheckLayout(average.Values);
            blocks.Average = average.Values.Pointer;
            blocks.AverageRate = (float)(1 - average.Advance());
        }

        Update(blocks, _decays, learningRate);

        // The pass sees addresses only.
        GC.KeepAlive(this);
        GC.KeepAlive(average);
    }

    /// <summary>Goes on from a checkpoint; <see cref="State"/> must have been filled from it.</summary>
    /// <param name="stepCount">Steps made before it.</param>
    public void Resume(long stepCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(stepCount);
        StepCount = stepCount;
    }

    /// <summary>Counts a step whose update a graph makes.</summary>
    internal void CountStep() => StepCount++;

    /// <summary>Whether a parameter has weight decay.</summary>
    internal bool DecaysAt(int slot) => _decays[slot];

    /// <summary>The numbers of step <see cref="StepCount"/> that change from step to step, always the same names.</summary>
    internal abstract IReadOnlyList<(string Name, float Value)> StepNumbers(double learningRate);

    /// <summary>Writes the update of a parameter as a graph: the same formula as the pass over the blocks.</summary>
    /// <param name="weight">The weights.</param>
    /// <param name="gradient">Their gradients, after clipping.</param>
    /// <param name="state">The optimizer's state of them.</param>
    /// <param name="decays">Whether they have weight decay.</param>
    /// <param name="numbers">The step's numbers (<see cref="StepNumbers"/>) by name.</param>
    internal abstract (Expr Weight, Expr[] State) Write(Expr weight, Expr gradient, Expr[] state, bool decays, IReadOnlyDictionary<string, Expr> numbers);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var state in State)
        {
            state.Block.Dispose();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Makes the pass of step <see cref="StepCount"/> (the first is 1).</summary>
    private protected abstract void Update(UpdateBlocks blocks, bool[] decays, double learningRate);
}
